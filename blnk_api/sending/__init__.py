"""Turns ready rows into balances: claims, sends, records, looks up and verifies them."""
