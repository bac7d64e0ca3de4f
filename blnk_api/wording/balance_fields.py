"""What the fields of a balance are called: of what is asked for, and of what Blnk holds."""

FIELDS = {
    "ledger_id": "Ledger",
    "currency": "Currency",
    "identity_id": "Identity",
    "indicator": "Indicator",
    "track_fund_lineage": "Tracks fund lineage",
    "allocation_strategy": "Allocation strategy",
}
"""Those that a person chooses."""

HELD_FIELDS = {
    "balance": "Balance",
    "credit_balance": "Credit",
    "debit_balance": "Debit",
    "inflight_balance": "In flight",
    "created_at": "Created (UTC)",
}
"""Those that only Blnk fills in."""
