"""When nothing is sent because Blnk fails repeatedly, and when one request tests whether it is back. Pure:
`now` is any monotonic clock, in seconds."""

from dataclasses import dataclass, field
from enum import StrEnum


class Circuit(StrEnum):
    CLOSED = "closed"
    """Rows are sent."""
    OPEN = "open"
    """Nothing is sent until the wait is over; then one read tests whether Blnk answers."""
    HALF_OPEN = "half open"
    """Blnk answered a read; one row is sent alone."""


@dataclass
class Breaker:
    """Stops claiming rows when Blnk fails repeatedly, and detects when it is back."""

    first_wait_seconds: float
    most_wait_seconds: float
    opens_after: int = 5
    circuit: Circuit = Circuit.CLOSED
    reason: str = ""
    probe_at: float = 0.0
    _failures: int = 0
    _unanswered: int = 0
    _wait_seconds: float = field(default=0.0)

    def failed(self, now: float, reason: str, *, is_read: bool = False) -> bool:
        """A 5xx or no connection. Returns whether this opened the breaker."""
        if is_read:
            self._unanswered += 1
        else:
            self._failures += 1
        if self.circuit is Circuit.CLOSED and self._failures + self._unanswered < self.opens_after:
            return False
        if self.circuit is Circuit.OPEN and now < self.probe_at:
            return False  # a request that was already under way when it opened
        opened = self.circuit is Circuit.CLOSED
        self._wait_seconds = min(self.most_wait_seconds, self._wait_seconds * 2 or self.first_wait_seconds)
        self.circuit, self.reason, self.probe_at = Circuit.OPEN, reason, now + self._wait_seconds
        return opened

    def looked(self) -> None:
        """Blnk answered the test read: one row may be sent."""
        if self.circuit is Circuit.OPEN:
            self.circuit = Circuit.HALF_OPEN

    def answered(self) -> None:
        """Blnk answered a read, so earlier failed reads do not count together with later ones. It says
        nothing about rows: an instance that can be read may still reject every write."""
        self._unanswered = 0

    def succeeded(self) -> bool:
        """A row was created, or rejected with Blnk's own error. Returns whether this closed the breaker."""
        self._failures = self._unanswered = 0
        if self.circuit is not Circuit.HALF_OPEN:
            return False
        self.circuit, self.reason, self._wait_seconds = Circuit.CLOSED, "", 0.0
        return True

    def may_probe(self, now: float) -> bool:
        return self.circuit is Circuit.OPEN and now >= self.probe_at
