"""Databases as earlier versions left them, one for each version of the schema. They are never rewritten."""
