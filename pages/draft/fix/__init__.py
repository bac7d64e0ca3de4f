"""Putting rows right: problems by cause, a table with an editor, workbooks, rows that are skipped."""
