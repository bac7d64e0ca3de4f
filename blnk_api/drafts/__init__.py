"""Turns an uploaded file into a checked draft: columns, checks, edits, and what already exists."""
