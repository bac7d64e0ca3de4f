"""Files and figures about imports: results, receipts, months, progress."""
