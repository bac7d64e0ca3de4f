"""Ready rows become balances: claimed, sent, written down, looked up, verified."""
