"""What every page uses: look, banner, sidebar, name."""
