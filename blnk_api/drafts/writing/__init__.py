"""Checked rows on their way into the store: as it keeps them, in chunks, or laid over a draft as it was."""
