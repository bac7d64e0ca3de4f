"""The labels of a balance's fields: those of a request, and those that Blnk fills in."""

FIELDS = {
    "ledger_id": "Ledger",
    "currency": "Currency",
    "identity_id": "Identity",
    "indicator": "Indicator",
    "track_fund_lineage": "Tracks fund lineage",
    "allocation_strategy": "Allocation strategy",
}
"""Fields that a person chooses."""

HELD_FIELDS = {
    "balance": "Balance",
    "credit_balance": "Credit",
    "debit_balance": "Debit",
    "inflight_balance": "In flight",
    "created_at": "Created (UTC)",
}
"""Fields that only Blnk fills in."""
