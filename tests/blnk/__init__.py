"""Promises about single exchanges with Blnk."""
