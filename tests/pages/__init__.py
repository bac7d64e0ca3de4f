"""Promises of single pages, without a browser."""
