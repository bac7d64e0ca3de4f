"""A rate limit as strict as can be: in no window of that length are more requests let in. Pure."""

import math
from collections import deque


class Window:
    """`requests` None lets all in. Refused requests do not count."""

    def __init__(self, requests: int | None = None, window_seconds: float = 60) -> None:
        self.requests = requests
        self.window_seconds = window_seconds
        self._let_in: deque[float] = deque()

    def refuses_for(self, now: float) -> int | None:
        """How long to wait, in whole seconds as in Retry-After; None lets the request in and counts it."""
        if self.requests is None:
            return None
        while self._let_in and self._let_in[0] <= now - self.window_seconds:
            self._let_in.popleft()
        if len(self._let_in) >= self.requests:
            oldest = self._let_in[0] if self._let_in else now
            return max(1, math.ceil(oldest + self.window_seconds - now))
        self._let_in.append(now)
        return None
