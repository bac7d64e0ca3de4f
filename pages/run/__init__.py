"""An import after it was confirmed: progress, rows, decisions, downloads."""
