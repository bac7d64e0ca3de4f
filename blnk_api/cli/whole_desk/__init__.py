"""Commands for the whole desk: stop and start, backup and restore, and the audit trail."""
