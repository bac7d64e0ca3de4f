"""A file on its way to a checked draft: columns, checks, edits, what exists already."""
