"""New rows that look like balances, or like rows, that exist already."""
