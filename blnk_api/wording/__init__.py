"""Sentences for people, one module for each subject."""
