"""Promises of the command line and of its documentation."""
