"""What commands do about imports that a second person has to approve."""
