"""What the sender writes and reads: attempts, unknown rows, senders, stops."""
