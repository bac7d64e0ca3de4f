"""Fixing rows: problems by cause, a table with an editor, workbooks, skipped rows."""
