"""Sentences about the whole desk: sign-ins, and the audit trail."""
