"""Ready rows become balances: claimed, sent, recorded, looked up, verified."""
