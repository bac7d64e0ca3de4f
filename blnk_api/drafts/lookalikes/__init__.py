"""Finds new rows that resemble existing balances or rows."""
