"""Promises about sending: every row exactly once."""
