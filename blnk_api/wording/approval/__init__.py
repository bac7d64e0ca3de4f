"""Sentences about approval by a second person."""
