"""What every page uses: the look, the banner, the sidebar, who is looking."""
