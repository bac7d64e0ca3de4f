"""Whether a balance is already in Blnk: import refs, and finding balances by them."""
