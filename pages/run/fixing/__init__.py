"""Rows that are fixed after they were invalid or rejected: links to their draft, and the same file again."""
