"""Seconds by which claims and leases age: on a clock that counts while the machine sleeps, and that jumps far
ahead where this process cannot know how long it stood still.

CLOCK_BOOTTIME counts suspend. It does not count the time for which a whole virtual machine stands still: then
all of its clocks stop, and once it runs again its wall clock is set. So a wall clock that moves against this
one, in either direction, makes whatever was promised before too old.
"""

import threading
import time
from collections.abc import Callable

JUMP_SECONDS = 1.0
"""By how much the wall clock must have moved: clocks that are being adjusted move by far less between two
looks."""
_LOST_SECONDS = 3_600.0
"""How far this clock then jumps ahead: no claim or lease is good for so long."""


def _boot() -> float:
    # macOS has no such clock by that name: its monotonic one counts on.
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class BootClock:
    """Call it for the seconds since some moment. Safe to share between threads."""

    def __init__(
        self, boot: Callable[[], float] = _boot, wall: Callable[[], float] = lambda: time.time()
    ) -> None:
        self._boot = boot
        self._wall = wall
        self._apart: float | None = None
        self._ahead = 0.0
        self._one_at_a_time = threading.Lock()

    def __call__(self) -> float:
        with self._one_at_a_time:
            boot = self._boot()
            apart = self._wall() - boot
            if self._apart is not None and abs(apart - self._apart) > JUMP_SECONDS:
                self._ahead += _LOST_SECONDS
            self._apart = apart
            return boot + self._ahead


boottime = BootClock()
"""Of this process: all of its claims and leases age by it."""
