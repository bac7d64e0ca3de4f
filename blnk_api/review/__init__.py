"""What a person decides about an import and its rows afterwards."""
