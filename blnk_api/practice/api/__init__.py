"""Practice's answers, as Core and Cloud give them."""
