"""What a check of a few records may leave to a check of the whole file."""


class NotSure(Exception):
    """The few records alone do not show what a check of the whole file would come to: that one is made."""
