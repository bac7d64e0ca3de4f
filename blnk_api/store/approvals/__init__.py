"""Approval by a second person: what needs it, requests, decisions, and what they cover."""
