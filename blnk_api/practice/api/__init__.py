"""What Practice answers, as Core and Cloud do."""
