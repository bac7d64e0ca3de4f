"""How many questions at once a long search asks Blnk: few, and fewer where answers take twice as long."""

from statistics import median

MOST_AT_ONCE = 3
_FIRST_ANSWERS = 5
_WEIGHT = 0.3
"""Of the newest answer in how long answers take now."""


class AdaptiveConcurrency:
    """Pure: it is told how long each answer took."""

    def __init__(self) -> None:
        self.at_once = MOST_AT_ONCE
        self.pause_seconds = 0.0
        """Before the next question, once one at a time is too much."""
        self._first: list[float] = []
        self._usual = 0.0
        self._now = 0.0

    def took(self, seconds: float) -> None:
        if len(self._first) < _FIRST_ANSWERS:
            self._first.append(seconds)
            self._usual = self._now = median(self._first)
            return
        self._now += _WEIGHT * (seconds - self._now)
        if self._now > 2 * self._usual:
            self.pause_seconds = self._now if self.at_once == 1 else 0.0
            self.at_once = max(1, self.at_once - 1)
        elif self._now < 1.5 * self._usual:
            self.pause_seconds = 0.0
            self.at_once = min(MOST_AT_ONCE, self.at_once + 1)
