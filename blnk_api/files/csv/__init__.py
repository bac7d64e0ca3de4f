"""Text files with a delimiter: their characters, their quotation marks, their records."""
