"""A fix in a draft, checked at once: what changed and what it touches, without reading the file again."""
