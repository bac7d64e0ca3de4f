"""Ends a process whose work is done."""

import os
import sys
from contextlib import suppress
from typing import NoReturn


def end(code: int) -> NoReturn:
    """Ends it without taking apart what was imported, which takes a twentieth of a second."""
    with suppress(OSError):  # whoever read it is gone: Python reports that as it ends
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
