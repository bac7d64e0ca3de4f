"""Roles, who has them, and whether someone may do something."""
