"""What is stored with an import as JSON: its file's shape, mapping, totals and findings."""
