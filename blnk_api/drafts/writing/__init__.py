"""Writes checked rows into the store: in chunks, or over the rows of an earlier check."""
