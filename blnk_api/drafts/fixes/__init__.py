"""Drafts that fix rows of an import: where the rows come from, and which row each one is."""
