"""What leads a person through a draft: its steps, and its problems by what caused them. Pure."""
