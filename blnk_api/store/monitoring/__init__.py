"""What people and monitoring see of a desk: its workers, and figures of all instances."""
