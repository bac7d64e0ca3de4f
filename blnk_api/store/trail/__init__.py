"""The trail: everything that happened, linked by hashes, so that a later change of it shows."""
