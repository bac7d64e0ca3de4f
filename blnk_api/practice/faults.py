"""The available faults, and which of them affect a request. Only decides; request_handling.py acts.

A fault fires on each request of its kind `on`, after `skip` of those have passed, with a probability of
`percent`, `times` times (unlimited if None). Latency, measured times, lagging reads and short filters combine
with another fault; of the others, the one set first decides.
"""

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from blnk_api.practice.api.core import CLEAR, View

RequestKind = Literal["create", "filter", "get", "token", "other"]
On = Literal["create", "read", "filter", "any", "token"]
FaultKind = Literal[
    "latency",  # the work is done at once, its answer comes `seconds` later
    "as_measured",  # filters take as long as in a real Core with this many balances: see filter_durations.py
    "drop_before_commit",  # nothing is done; the connection closes without an answer
    "drop_after_commit",  # the work is done; the connection closes without an answer
    "status_before_commit",  # nothing is done; answers `status`
    "status_after_commit",  # the work is done; answers `status`
    "rate_limited",  # nothing is done; 429, with a Retry-After header if `retry_after` is set
    "truncated_201",  # the work is done; half of the answer comes, also of a read, then the connection closes
    "html_200",  # nothing is done; a page of HTML with status 200, as a gateway shows it
    "wrong_ref_201",  # the work is done; the answer has the import_ref of another balance
    "commit_late",  # the work is done `seconds` later, but dated now; hangs, or drops if `answer` says so
    "lagging_reads",  # reads do not show what was committed less than `seconds` ago
    "short_filter",  # a filter omits some of the rows that it found, at least one
    "full_stop",  # for `seconds` from the first request: accepts everything and answers nothing
    "revoke",  # 401: the credentials are no longer valid (a refresh token: invalid_grant)
    "forbid",  # 403
    "hang",  # nothing is done, and no answer ever comes
]
_ON: dict[str, On] = {
    "lagging_reads": "read",
    "short_filter": "filter",
    "as_measured": "filter",
    "full_stop": "any",
    "revoke": "any",
    "forbid": "create",
}
_TIMED = ("latency", "commit_late", "lagging_reads", "full_stop")
_ADDED = ("latency", "as_measured", "lagging_reads", "short_filter")
STATUSES = (500, 502, 503, 504, 408, 409)


@dataclass(frozen=True, slots=True)
class Fault:
    """`on` is "create" by default, "read" for lagging reads, "filter" for short filters, "any" for a full
    stop and for revoked credentials. `answer` is the body of a status fault ("json" or "html"), or what a
    late commit does to its caller ("hang" or "drop"). `seed` makes probabilities repeatable."""

    kind: FaultKind
    times: int | None = None
    skip: int = 0
    percent: float = 100
    on: On = "create"
    seconds: float = 0
    status: int = 500
    retry_after: str | None = None
    answer: Literal["json", "html", "hang", "drop"] = "json"
    seed: int | None = None


def read_fault(given: Mapping[str, Any]) -> Fault:
    """Raises ValueError with what is wrong with this order."""
    if unknown := set(given) - {each.name for each in fields(Fault)}:
        raise ValueError(f"unknown field: {', '.join(sorted(unknown))}")
    kind = str(given.get("kind"))
    if kind not in get_args(FaultKind):
        raise ValueError(f"kind must be one of {', '.join(get_args(FaultKind))}")
    fault = Fault(**{"on": _ON.get(kind, "create"), **given})
    if fault.on not in get_args(On):
        raise ValueError(f"on must be one of {', '.join(get_args(On))}")
    if kind in _TIMED and fault.seconds <= 0:
        raise ValueError(f"{kind} needs seconds")
    if kind.startswith("status_") and fault.status not in STATUSES:
        raise ValueError(f"status must be one of {', '.join(map(str, STATUSES))}")
    return fault


@dataclass(slots=True, eq=False)
class Order:
    """A fault that was set, and how often it has fired."""

    fault: Fault
    chance: random.Random
    passed: int = 0
    fired: int = 0
    ends_at: float | None = None

    def fires(self, now: float) -> bool:
        """Counts this request. A full stop, once started, fires on each request until its time is over."""
        if self.ends_at is not None:
            self.fired += now < self.ends_at
            return now < self.ends_at
        if self.passed < self.fault.skip:
            self.passed += 1
            return False
        spent = self.fault.times is not None and self.fired >= self.fault.times
        if spent or self.chance.random() * 100 >= self.fault.percent:
            return False
        self.fired += 1
        if self.fault.kind == "full_stop":
            self.ends_at = now + self.fault.seconds
        return True


@dataclass(frozen=True, slots=True)
class MatchedFaults:
    """What affects a request: at most one fault that decides its result, a delay, and a restricted view."""

    fault: Fault | None = None
    latency_seconds: float = 0
    as_measured: bool = False
    view: View = CLEAR
    order: "Order | None" = None


class FaultBook:
    def __init__(self) -> None:
        self._orders: list[Order] = []

    def order(self, fault: Fault) -> None:
        self._orders.append(Order(fault, random.Random(fault.seed)))

    def clear(self) -> None:
        self._orders = []

    def listed(self) -> list[dict[str, Any]]:
        names = [each.name for each in fields(Fault)]
        return [
            {**{name: getattr(order.fault, name) for name in names}, "fired": order.fired}
            for order in self._orders
        ]

    def meet(self, kind: RequestKind) -> MatchedFaults:
        """Counts this request for all orders. Times are of the monotonic clock."""
        if not self._orders:
            return _NOTHING
        deciding: Order | None = None
        added: list[Order] = []
        now = time.monotonic()
        for order in self._orders:
            adds = order.fault.kind in _ADDED
            if (deciding is None or adds) and _is_on(order.fault.on, kind) and order.fires(now):
                if adds:
                    added.append(order)
                else:
                    deciding = order
        return MatchedFaults(
            fault=deciding.fault if deciding else None,
            latency_seconds=sum(each.fault.seconds for each in added if each.fault.kind == "latency"),
            as_measured=any(each.fault.kind == "as_measured" for each in added),
            view=_view(added),
            order=deciding,
        )

    def stopped_for(self, order: Order | None) -> float:
        """How many more seconds this full stop lasts; 0 once it was cleared."""
        if order is None or order.ends_at is None or order not in self._orders:
            return 0
        return order.ends_at - time.monotonic()


_NOTHING = MatchedFaults()


def _is_on(on: On, kind: RequestKind) -> bool:
    return on in ("any", kind) or (on == "read" and kind in ("filter", "get"))


def _view(added: list[Order]) -> View:
    lag = max((each.fault.seconds for each in added if each.fault.kind == "lagging_reads"), default=0)
    short = next((each for each in added if each.fault.kind == "short_filter"), None)
    return View(lag, _short_of(short.chance)) if short else View(lag)


def _short_of(chance: random.Random) -> Any:
    """Omits each row with a probability of one half, and at least one."""

    def thinned(rows: list[Any]) -> list[Any]:
        lost = chance.randrange(len(rows)) if rows else 0
        return [row for at, row in enumerate(rows) if at != lost and chance.random() < 0.5]

    return thinned
