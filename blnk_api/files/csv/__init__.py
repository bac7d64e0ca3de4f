"""Delimited text files: encodings, quotation marks, records."""
