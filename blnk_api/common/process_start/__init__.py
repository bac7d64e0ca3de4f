"""How our processes start."""
