"""Notifications leave here, in a process of their own: through Apprise, to the addresses of a connection."""
