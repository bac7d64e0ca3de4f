"""What people decide about an import and its rows after sending."""
