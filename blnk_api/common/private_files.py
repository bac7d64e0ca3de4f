"""Keeps our files closed to this machine's other accounts."""

import os
import stat
from collections.abc import Iterable
from pathlib import Path


def keep_files_private() -> None:
    """From now on this process, and all that it starts, makes files and folders for its own account alone."""
    os.umask(0o077)


def open_to_others(paths: Iterable[Path]) -> list[tuple[Path, int]]:
    """Those of these that other accounts may read or change, with their modes."""
    found = []
    for path in paths:
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except OSError:
            continue  # it is not there
        if mode & 0o077:
            found.append((path, mode))
    return found
