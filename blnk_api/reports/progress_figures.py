"""The progress of an import: its figures, its rate, and rows over time, read once for everyone who watches
it.

A reading takes a few index look-ups, whatever the size of the import, and serves everyone in this process for
a second: twenty people may watch one import.
"""

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate

from sqlalchemy import Connection, func, select

from blnk_api.store import Store, events, imports
from blnk_api.store.events import Event, EventKind
from blnk_api.store.imports import Import
from blnk_api.store.sending import senders
from blnk_api.store.sending.senders import LearnedPace
from blnk_api.store.states import ImportState, PausedBy, Ramp, RowState
from blnk_api.store.tables import rows

GOOD_SECONDS = 1.0
"""How long a reading is reused."""

WAITS_SECONDS = 15.0
"""How long Blnk must not answer before a page says that an import waits for it. Shorter pauses of the circuit
breaker end by themselves, and a status that changes within seconds draws attention for nothing."""

_CURVE_GOOD_SECONDS = 5.0
_CURVE_POINTS = 120
_EVENTS = 3
_FORGET_SECONDS = 120.0

_WINDOW_SECONDS = 10.0
_LONGEST_WINDOW_SECONDS = 60.0
_LEAST_ROWS = 20
_LEAST_SECONDS = 1.5

_SENT = (RowState.CREATED, RowState.REFUSED)

Curve = tuple[tuple[float, int], ...]


@dataclass(frozen=True)
class ProgressSnapshot:
    """One reading. `import_` is in the state that people are shown (see `as_shown`); `curve` gives how many
    rows were finished at which time (seconds since 1970)."""

    at: float
    import_: Import
    rows_per_second: float | None
    """None while nothing or only the first rows are sent, and until two readings can be compared."""
    learned: LearnedPace
    events: Sequence[Event]
    curve: Curve = ()

    @property
    def settled(self) -> int:
        return self.import_.settled

    @property
    def total(self) -> int:
        return self.import_.to_send

    @property
    def seconds_left(self) -> float | None:
        if not self.rows_per_second:
            return None
        return (self.total - self.settled) / self.rows_per_second


@dataclass
class _Watched:
    pulse: ProgressSnapshot
    seen: deque[tuple[float, int]] = field(default_factory=deque)
    curve: Curve = ()
    curve_at: float = 0.0


class ProgressReader:
    """The readings of this process. Safe to share between threads."""

    def __init__(self) -> None:
        self._watched: dict[str, _Watched] = {}
        self._reading = threading.Lock()

    def read(self, store: Store, id: str, *, known: Import | None = None) -> ProgressSnapshot:
        """A reading at most a second old. `known` is the import as the caller has just read it; what is shown
        is never older than that. Raises LookupError if there is no such import."""
        with self._reading:
            now = time.time()
            watched = self._watched.get(id)
            if watched is None or known is not None or now - watched.pulse.at >= GOOD_SECONDS:
                watched = self._read(store, id, known, watched, now)
            return watched.pulse

    def _read(
        self, store: Store, id: str, known: Import | None, before: _Watched | None, now: float
    ) -> _Watched:
        with store.read() as tx:
            import_ = known or imports.find(tx, id)
            if import_ is None:
                raise LookupError(f"there is no import {id}")
            learned = senders.learned(tx, import_.instance_number)
            import_ = as_shown(import_, _since(tx, import_, learned), now)
            happened = events.of_import(tx, import_.number, limit=_EVENTS, routine=False)
            pulse = ProgressSnapshot(now, import_, None, learned, happened)
            watched = before or _Watched(pulse)
            if import_.confirmed_at is not None and now - watched.curve_at >= _CURVE_GOOD_SECONDS:
                watched.curve, watched.curve_at = tuple(curve(tx, import_)), now
        if import_.state is not ImportState.RUNNING or import_.ramp != Ramp.ALL:
            watched.seen.clear()  # the first rows go one by one, which says nothing about the rest
        else:
            watched.seen.append((now, pulse.settled))
            while now - watched.seen[0][0] > _LONGEST_WINDOW_SECONDS:
                watched.seen.popleft()
        points = watched.curve
        if points and not import_.is_over:
            points = (*points, (now, sum(import_.counts.get(one, 0) for one in _SENT)))
        watched.pulse = replace(pulse, rows_per_second=rows_per_second(watched.seen), curve=points)
        self._watched = {
            id: one for id, one in self._watched.items() if now - one.pulse.at < _FORGET_SECONDS
        } | {id: watched}
        return watched


pulses = ProgressReader()


def _since(tx: Connection, import_: Import, learned: LearnedPace) -> float | None:
    """When the circuit breaker began to hold up the import, or None if it does not."""
    is_paused = import_.state is ImportState.PAUSED and import_.paused_by is PausedBy.BREAKER
    if import_.state is ImportState.RUNNING and learned.breaker is not None:
        # Once Blnk can be read again, rows that are only being checked there are not held up anymore.
        has_rows = import_.counts.get(RowState.READY) or import_.counts.get(RowState.SENDING)
        return learned.breaker_since if has_rows or learned.breaker["circuit"] == "open" else None
    if not is_paused:
        return None
    known = (learned.breaker_since, events.last_at(tx, import_.number, EventKind.PAUSED))
    return min((one for one in known if one is not None), default=None)


def as_shown(import_: Import, held_up_since: float | None, now: float) -> Import:
    """The import in the state that people are shown: waiting for Blnk only if that lasts.

    While it lasts, rows that test whether Blnk is back do not make the import seem to run.
    """
    if held_up_since is None:
        return import_
    if now - held_up_since >= WAITS_SECONDS:
        return replace(import_, state=ImportState.PAUSED, paused_by=PausedBy.BREAKER)
    return replace(import_, state=ImportState.RUNNING, paused_by=None, paused_reason=None)


def rows_per_second(seen: Sequence[tuple[float, int]]) -> float | None:
    """From times and the number of rows settled by then, oldest first: over the last ten seconds, or longer
    if so few rows were finished that their number says little."""
    if len(seen) < 2:
        return None
    at, settled = seen[-1]
    for then, before in reversed(seen):
        if at - then >= _WINDOW_SECONDS and settled - before >= _LEAST_ROWS:
            rate = (settled - before) / (at - then)
            still = at - min(moment for moment, rows in seen if rows == settled)
            # So fast, more rows would have been finished by now: nothing is finished at the moment.
            is_still = still >= _WINDOW_SECONDS and still * rate >= _LEAST_ROWS
            return 0.0 if is_still else rate
    then, before = seen[0]
    return max(0, settled - before) / (at - then) if at - then >= _LEAST_SECONDS else None


def curve(tx: Connection, import_: Import) -> list[tuple[float, int]]:
    """How many rows were finished by which time, from an even sample of the import's rows: 120 index look-ups
    instead of a scan."""
    of_import = rows.c.import_ == import_.number
    first = tx.execute(select(func.min(rows.c.id)).where(of_import)).scalar()
    last = tx.execute(select(func.max(rows.c.id)).where(of_import)).scalar()
    if first is None or last is None or import_.confirmed_at is None:
        return []
    step = max(1, (last - first + 1) // _CURVE_POINTS)
    found = tx.execute(
        select(rows.c.state, rows.c.changed_at).where(of_import, rows.c.id.in_(range(first, last + 1, step)))
    ).all()
    ended = sorted(
        one.changed_at for one in found if one.state in _SENT and one.changed_at >= import_.confirmed_at
    )
    each = import_.row_count / len(found) if found else 0.0
    most = sum(import_.counts.get(one, 0) for one in _SENT)
    counted = accumulate(each for _ in ended)
    return [
        (import_.confirmed_at, 0),
        *((at, min(most, round(n))) for at, n in zip(ended, counted, strict=True)),
    ]
