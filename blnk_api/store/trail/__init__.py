"""The audit trail: all events, linked by hashes, so that later changes are detected."""
