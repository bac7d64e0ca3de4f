"""A file before it is confirmed: upload, columns, problems, edits, confirmation."""
