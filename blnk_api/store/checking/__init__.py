"""What is stored about a draft's check besides its rows."""
