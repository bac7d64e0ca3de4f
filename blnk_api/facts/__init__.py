"""What is kept with an import as JSON: its file's shape, its columns' meaning, its totals, its findings."""
