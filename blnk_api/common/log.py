"""What the app and its helpers print for whoever runs them: our own lines, and the warnings of libraries."""

import logging

_OURS = ("blnk", "blnk_api")


def to_stderr() -> None:
    """Once for each process. Alembic alone would tell ten lines of its plugins at the first start."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    for name in _OURS:
        logging.getLogger(name).setLevel(logging.INFO)
