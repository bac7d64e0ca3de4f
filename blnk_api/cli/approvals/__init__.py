"""How commands handle imports that need a second person's approval."""
