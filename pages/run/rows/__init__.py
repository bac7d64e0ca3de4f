"""The rows of an import: a table, one row, and what a person can do about it."""
