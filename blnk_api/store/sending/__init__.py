"""What the sender reads and writes: attempts, rows in doubt, senders, stops."""
