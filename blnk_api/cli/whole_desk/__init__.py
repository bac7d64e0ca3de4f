"""Commands about the whole desk: stop and start, backup and restore, and its trail."""
