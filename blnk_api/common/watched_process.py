"""Watches a process that reads a file: a few kilobytes must not cost gigabytes of memory or an hour.

The readers have limits of their own, with better messages. These limits catch everything else.
"""

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from blnk_api import __file__ as _package

NO_ANSWER, NOT_LET_IN = 75, 77
"""Exit codes of a check: Blnk did not answer, or rejected the credentials. Neither is the file's fault."""
SETTINGS_FOLLOW = "--settings-follow"
"""The settings come through standard input, because a command's may differ from its environment's."""
MANY_ROWS = "--many-rows"
"""The file is so long that another process should write its rows."""

LOOK_SECONDS = 0.1
"""The interval between two checks of a watched process."""

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_STOPPED = (
    "so it was stopped. Nothing was sent. Save your table as CSV, or split it, then import the new file."
)
TOO_MUCH_MEMORY = f"Reading this file takes more than 1 GB of memory, {_STOPPED}"
TOO_LONG = f"Reading this file takes far longer than its size would suggest, {_STOPPED}"
FAILED = (
    "Reading this file failed. Nothing was sent. Save your table as CSV, or split it, then "
    "import the new file."
)


@dataclass(frozen=True)
class Limits:
    """What a process may use. `wall_seconds` is generous if it also waits for others."""

    resident_bytes: int
    cpu_seconds: float
    wall_seconds: float


def for_file(size_bytes: int, *, waits_for_blnk: bool = False) -> Limits:
    """A million rows take one minute of a fast processor, and are at least ten megabytes."""
    cpu_seconds = 60 + 40 * size_bytes / 1e6
    return Limits(1_000_000_000, cpu_seconds, 3 * cpu_seconds + (6 * 3600 if waits_for_blnk else 0))


def environment() -> dict[str, str]:
    """For a process that runs one of our modules from any folder."""
    root = str(Path(_package).parent.parent)
    paths = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": paths}


class ProcessWatch:
    """Watches one process, with those that it forks, from now on."""

    def __init__(self, pid: int, limits: Limits) -> None:
        self._pid = pid
        self._limits = limits
        self._began = time.monotonic()

    @property
    def age_seconds(self) -> float:
        return time.monotonic() - self._began

    def exceeded(self) -> str | None:
        """A sentence for the person whose file is read, once the process has used more than it may."""
        resident_bytes, cpu_seconds = used(self._pid)
        if resident_bytes > self._limits.resident_bytes:
            return TOO_MUCH_MEMORY
        if cpu_seconds > self._limits.cpu_seconds or self.age_seconds > self._limits.wall_seconds:
            return TOO_LONG
        return None

    def give_way(self) -> None:
        """From now on, gives other processes priority."""
        for pid in _with_forks(self._pid):
            with suppress(OSError):
                for thread in Path(f"/proc/{pid}/task").iterdir():
                    os.setpriority(os.PRIO_PROCESS, int(thread.name), 10)


def _with_forks(pid: int) -> list[int]:
    """The process and those that its main thread has forked."""
    try:
        return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
    except OSError:
        return [pid]


def used(pid: int) -> tuple[int, float]:
    """Resident bytes and processor seconds of a process and those that it forked."""
    resident_bytes, cpu_seconds = zip(*map(_used, _with_forks(pid)), strict=True)
    return sum(resident_bytes), sum(cpu_seconds)


def _used(pid: int) -> tuple[int, float]:
    """Resident bytes and processor seconds, or zero for a process that has ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, IndexError):
        return 0, 0.0
    return pages * _PAGE_BYTES, (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND
