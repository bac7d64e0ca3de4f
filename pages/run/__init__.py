"""An import after it was confirmed: progress, rows, what a person decides, downloads."""
