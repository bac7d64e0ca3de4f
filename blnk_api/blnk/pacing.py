"""How many requests may be sent now, and how a 429 changes that. Pure: time is passed in.

`now` is any monotonic clock, in seconds. Rates are requests per minute, as in Blnk Cloud's limits.
"""

from dataclasses import dataclass

HEADROOM = 0.992
"""The part of the limit that we use. The rest ensures that a strict one-minute window never sees one request
too many."""

BURST_SECONDS = 0.3
"""How long unused permits are kept."""

PAGES_SHARE = 0.1
"""The share reserved for the pages while someone uses them."""

DECREASE = 0.7
REGAIN_PER_SECOND = 0.01
QUIET_SECONDS = 5.0
LEAST_PER_MINUTE = 6.0
FIRST_WAIT_SECONDS = 1.0
MOST_WAIT_SECONDS = 60.0


@dataclass
class Pace:
    """The lower of the connection's limit and the rate learned from 429s. One per instance, shared by rows
    and look-ups."""

    cap_per_minute: float
    learned_per_minute: float | None = None
    not_before: float = 0.0
    pages_are_reading: bool = False
    most_wait_seconds: float = 3_600.0
    """A longer wait that Blnk asks for is cut to this one, and noted in `asked_seconds`."""
    asked_seconds: float | None = None
    """A wait that was longer than that, until whoever pauses for it resets it."""
    asked_of: float = 0.0
    """When the request with that answer was sent. A later resume overrides the answer."""
    _allowance: float = 1.0
    _at: float | None = None
    _last_busy: float | None = None
    _busy_in_a_row: int = 0
    _decreased_at: float | None = None

    @property
    def per_minute(self) -> float:
        """The current number of requests per minute, rows and look-ups together."""
        rate = min(self.cap_per_minute, self.learned_per_minute or self.cap_per_minute) * HEADROOM
        return rate * (1 - PAGES_SHARE) if self.pages_are_reading else rate

    def permits(self, now: float) -> int:
        """How many requests may be sent now. The caller takes what it uses with `take`."""
        elapsed = 0.0 if self._at is None else max(0.0, now - self._at)
        self._at = now
        self._regain(now, elapsed)
        per_second = self.per_minute / 60
        self._allowance = min(self._allowance + elapsed * per_second, max(1.0, per_second * BURST_SECONDS))
        return 0 if now < self.not_before else int(self._allowance)

    def take(self, n: int) -> None:
        self._allowance -= n

    def expected(self, seconds: float) -> int:
        """How many requests may be sent within the next `seconds`; at least one, so that slow rates make
        progress."""
        return max(1, int(self.per_minute / 60 * seconds))

    def busy(self, now: float, *, sent_at: float, retry_after_seconds: float | None) -> None:
        """Blnk answered 429. Many answers to one burst count once; an explicit wait is always respected."""
        self._last_busy = now
        if self._decreased_at is None or sent_at > self._decreased_at:
            current = min(self.cap_per_minute, self.learned_per_minute or self.cap_per_minute)
            self.learned_per_minute = max(LEAST_PER_MINUTE, current * DECREASE)
            self._decreased_at = now
            self._busy_in_a_row += 1
        wait = retry_after_seconds
        if wait is None:
            wait = min(MOST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** (self._busy_in_a_row - 1))
        self.wait(now, wait, sent_at=sent_at)

    def wait(self, now: float, seconds: float, *, sent_at: float) -> None:
        """Nothing is sent for so long: a Retry-After of a 429 or a 503."""
        if seconds > self.most_wait_seconds:
            self.asked_seconds, self.asked_of, seconds = seconds, sent_at, self.most_wait_seconds
        self.wait_until(now + seconds)

    def wait_until(self, moment: float) -> None:
        """Nothing is sent before this time."""
        self.not_before = max(self.not_before, moment)
        self._allowance = min(self._allowance, 1.0)

    def succeeded(self) -> None:
        self._busy_in_a_row = 0

    def _regain(self, now: float, elapsed: float) -> None:
        if self.learned_per_minute is None or now < self.not_before:
            return
        if self._last_busy is not None and now - self._last_busy < QUIET_SECONDS:
            return
        self.learned_per_minute += self.cap_per_minute * REGAIN_PER_SECOND * elapsed
        if self.learned_per_minute >= self.cap_per_minute:
            self.learned_per_minute = None
