"""What is said before a draft is confirmed, of other desks and of the plan."""
