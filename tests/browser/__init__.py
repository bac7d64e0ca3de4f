"""Promises kept in a real browser and by the whole app."""
