"""What people and checks look for in the store: imports, their rows, and where a balance came from."""
