"""Approval by a second person: what waits for it, and what people can do about it."""
