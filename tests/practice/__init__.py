"""Practice keeps to what a real one was seen to do."""
