"""The exception by which a check of a few records defers to a check of the whole file."""


class NotSure(Exception):
    """These records alone do not determine the result of checking the whole file, so the whole file is
    checked."""
