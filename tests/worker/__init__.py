"""Promises about the processes beside the app."""
