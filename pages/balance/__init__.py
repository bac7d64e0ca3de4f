"""One balance and all balances: the form, its result, the table, notes."""
