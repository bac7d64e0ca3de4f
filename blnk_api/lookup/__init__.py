"""Is it in Blnk already? References, and finding balances by them."""
