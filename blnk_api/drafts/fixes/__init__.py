"""Rows of an import that are fixed in a draft of their own: where they come from, and what each is."""
