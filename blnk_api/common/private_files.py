"""Keeps our files unreadable for other accounts on this machine."""

import os
import stat
from collections.abc import Iterable
from pathlib import Path


def keep_files_private() -> None:
    """From now on, this process and its children create files and folders that only their own account can
    open."""
    os.umask(0o077)


def open_to_others(paths: Iterable[Path]) -> list[tuple[Path, int]]:
    """The paths that other accounts may read or change, with their modes."""
    found = []
    for path in paths:
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except OSError:
            continue  # it does not exist
        if mode & 0o077:
            found.append((path, mode))
    return found
