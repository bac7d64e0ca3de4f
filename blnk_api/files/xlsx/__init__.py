"""XLSX workbooks, read as a stream: sheets, cells, number formats."""
