"""Approval by a second person: what is waiting for it, and what people can do about it."""
