"""Who may do what: roles, who has them, and the question whether someone may."""
