"""Fixing rows that were invalid or rejected: links to their draft, and a notice about the same file."""
