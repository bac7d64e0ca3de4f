"""Guides a person through a draft: its steps, and its problems by cause. Pure."""
