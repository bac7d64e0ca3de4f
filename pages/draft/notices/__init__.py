"""Notices before a draft is confirmed, about other desks and the plan."""
