"""Promises about drafts: checks, edits, and what exists already."""
