"""Promises about what people are notified of."""
