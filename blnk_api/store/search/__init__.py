"""Searches in the store: imports, their rows, and where a balance came from."""
