"""All of the product that is not a page: it talks to Blnk, keeps the store and moves rows. No Streamlit."""

__version__ = "0.1.0"
"""The only place that says it: pyproject.toml reads it here, and CHANGELOG.md tells what is in it."""
