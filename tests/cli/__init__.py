"""Promises of the command line and of what is told about it."""
