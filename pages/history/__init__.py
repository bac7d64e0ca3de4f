"""Earlier imports, and a month."""
