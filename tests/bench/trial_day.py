"""The day after a round: each late look that is owed comes due, on a clock that the trial moves."""

import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import func, select

from blnk_api.store import Store, tables

_LOOK_SECONDS = 0.05
_HELP_SECONDS = 20.0


def let_pass(store: Store, ahead: Path, *, most_seconds: float, help_it: Callable[[], None]) -> None:
    """`ahead` is read by a sender of `trial_clock`. Ends when no look is owed, or after so long in vain.
    `help_it` is called from time to time while nothing moves."""
    began = helped = time.monotonic()
    while (due := _latest_of_the_next(store)) is not None and time.monotonic() < began + most_seconds:
        set_clock(ahead, max(0.0, due + 1 - time.time()))
        time.sleep(_LOOK_SECONDS)
        if time.monotonic() > helped + _HELP_SECONDS:
            helped = time.monotonic()
            help_it()


def set_clock(ahead: Path, seconds: float) -> None:
    """At once and whole: it is read at any moment."""
    written = ahead.with_suffix(".new")
    written.write_text(str(seconds))
    written.replace(ahead)


def _latest_of_the_next(store: Store) -> float | None:
    """When the last of the looks that come next is due, by the time of day; None where none is owed."""
    with store.read() as tx:
        due: float | None = tx.execute(select(func.max(tables.late_looks.c.next_at))).scalar()
    return due


def open_looks(store: Store) -> int:
    """How many rows are still to be looked up."""
    with store.read() as tx:
        n: int = tx.execute(select(func.count(tables.late_looks.c.next_at))).scalar_one()
    return n


def named_by_looks(store: Store) -> int:
    """How many second balances no comparison had named, and a late look did."""
    what, detail = tables.events.c.what, tables.events.c.detail
    found = select(func.count()).where(what == "second balance", detail.like("%a late look%"))
    with store.read() as tx:
        n: int = tx.execute(found).scalar_one()
    return n
