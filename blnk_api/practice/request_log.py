"""Records requests, for tests of rates, attempts and look-ups. Never contains a header or a query."""

import time
from collections import Counter, deque
from dataclasses import asdict, dataclass
from typing import Any

from blnk_api.practice.faults import FaultKind, RequestKind

KEPT = 200_000


@dataclass(slots=True)
class Entry:
    """`arrived` and `seconds` are of the monotonic clock, which all processes of a machine share on Linux.

    `status` is None while there is no answer, and stays None if the connection was dropped.
    """

    kind: RequestKind
    method: str
    path: str
    arrived: float
    import_ref: str | None = None
    status: int | None = None
    seconds: float | None = None
    fault: FaultKind | None = None


class RequestLog:
    def __init__(self) -> None:
        self._recent: deque[Entry] = deque(maxlen=KEPT)
        self._kinds: Counter[str] = Counter()
        self._statuses: Counter[str] = Counter()

    def began(self, entry: Entry) -> None:
        self._recent.append(entry)
        self._kinds[entry.kind] += 1

    def ended(self, entry: Entry, status: int | None) -> None:
        entry.status, entry.seconds = status, time.monotonic() - entry.arrived
        self._statuses["dropped" if status is None else str(status)] += 1

    def clear(self) -> None:
        self._recent.clear()
        self._kinds.clear()
        self._statuses.clear()

    def as_json(self) -> dict[str, Any]:
        return {
            "total": self._kinds.total(),
            "by_kind": dict(self._kinds),
            "by_status": dict(self._statuses),
            "recent": [asdict(entry) for entry in self._recent],
        }
