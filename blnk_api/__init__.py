"""Everything that is not a page: talking to Blnk, the store, sending rows. Nothing here imports Streamlit."""

__version__ = "0.1.0"
"""The only place with the version: pyproject.toml reads it here. CHANGELOG.md lists what it contains."""
