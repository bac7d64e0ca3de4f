"""The strictest possible rate limit: no window of this length lets in more requests. Pure."""

import math
from collections import deque


class Window:
    """`requests` None means no limit. Rejected requests do not count."""

    def __init__(self, requests: int | None = None, window_seconds: float = 60) -> None:
        self.requests = requests
        self.window_seconds = window_seconds
        self._let_in: deque[float] = deque()

    def refuses_for(self, now: float) -> int | None:
        """Whole seconds to wait, as in Retry-After. None lets the request in and counts it."""
        if self.requests is None:
            return None
        while self._let_in and self._let_in[0] <= now - self.window_seconds:
            self._let_in.popleft()
        if len(self._let_in) >= self.requests:
            oldest = self._let_in[0] if self._let_in else now
            return max(1, math.ceil(oldest + self.window_seconds - now))
        self._let_in.append(now)
        return None
