"""Whether a file in a folder is written, without polling it: by inotify, which Linux has."""

import ctypes
import os
import sys
from contextlib import suppress
from pathlib import Path

_IN_MODIFY, _IN_CREATE = 0x2, 0x100
_CLOSED_ON_EXEC_AND_NEVER_WAITING = os.O_CLOEXEC | os.O_NONBLOCK if sys.platform == "linux" else 0
_BYTES = 64 * 1024


def watch(folder: Path) -> int | None:
    """A file descriptor that can be read as soon as a file directly in the folder is written or created. None
    where that is not possible: another system, or too many watches on this one. Only a hint: what is written
    through memory is not noticed."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor: int = libc.inotify_init1(_CLOSED_ON_EXEC_AND_NEVER_WAITING)
    if descriptor < 0:
        return None
    if libc.inotify_add_watch(descriptor, os.fsencode(folder), _IN_MODIFY | _IN_CREATE) < 0:
        os.close(descriptor)
        return None
    return descriptor


def drain(descriptor: int) -> None:
    """Discards what it has reported so far."""
    with suppress(BlockingIOError):
        while os.read(descriptor, _BYTES):
            pass
