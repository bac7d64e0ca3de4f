"""Promises about what people decide afterwards."""
