"""Sends notifications in a separate process, through Apprise, to the addresses of a connection."""
