"""What the practice Blnk answers, as Core and Cloud do."""
