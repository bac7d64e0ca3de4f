"""Promises about files, from bytes to records and back."""
