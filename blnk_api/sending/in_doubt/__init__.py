"""Rows whose outcome is not known: looked up until Blnk shows their balance, or proves that there is none."""
