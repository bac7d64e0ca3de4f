"""Checks a fix in a draft at once: what changed and what it affects, without reading the file again."""
