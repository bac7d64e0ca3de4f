"""A clock in seconds for the age of claims and leases. It continues while the machine sleeps, and jumps far
ahead if this process cannot know how long it was suspended.

CLOCK_BOOTTIME includes sleep. It does not include the time for which a whole virtual machine is paused: then
all of its clocks stop, and its wall clock is set once it runs again. So if the wall clock moves relative to
this one, in either direction, all earlier claims and leases become too old.
"""

import threading
import time
from collections.abc import Callable

JUMP_SECONDS = 1.0
"""How much the wall clock must have moved. Clocks that are being adjusted move far less between two
readings."""
_LOST_SECONDS = 3_600.0
"""How far this clock then jumps ahead: no claim or lease is valid for that long."""


def _boot() -> float:
    # macOS has no clock of this name: its monotonic clock continues during sleep.
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class BootClock:
    """Call it for the seconds since some point in time. Safe to share between threads."""

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
"""This process's clock for the age of all claims and leases."""
