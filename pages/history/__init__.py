"""Past imports, and the totals of a month."""
