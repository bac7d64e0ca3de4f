"""Notifications about imports, and which address has received them."""
