"""Promises of the database of imports."""
