"""What people are to be told of imports, and which address has taken it."""
