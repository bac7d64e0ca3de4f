"""Sentences about the whole desk: who signed in, and what is in the audit trail."""
