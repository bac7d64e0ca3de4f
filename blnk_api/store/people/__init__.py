"""What people add: edits, notes, saved mappings, receipts, their names."""
