"""What is kept of a draft's check beside its rows."""
