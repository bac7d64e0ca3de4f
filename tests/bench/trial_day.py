"""The day after a round: every owed late look-up comes due, on a clock that the trial moves."""

import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import func, select

from blnk_api.store import Store, tables

_LOOKS = (tables.late_looks, tables.duplicate_looks)
_TOGETHER_SECONDS = 5.0
"""Longer than the settle time, for which rows wait that are looked up together."""
_LOOK_SECONDS = 0.05
_HELP_SECONDS = 20.0


def let_pass(store: Store, ahead: Path, *, most_seconds: float, help_it: Callable[[], None]) -> None:
    """`ahead` is read by a sender of `trial_clock`. Ends when no look-up is owed, or after that time.
    `help_it` is called from time to time while nothing moves."""
    began = helped = time.monotonic()
    while (due := _latest_of_the_next(store)) is not None and time.monotonic() < began + most_seconds:
        set_clock(ahead, max(0.0, due + _TOGETHER_SECONDS - time.time()))
        time.sleep(_LOOK_SECONDS)
        if time.monotonic() > helped + _HELP_SECONDS:
            helped = time.monotonic()
            help_it()


def set_clock(ahead: Path, seconds: float) -> None:
    """In one step, because it may be read at any moment."""
    written = ahead.with_suffix(".new")
    written.write_text(str(seconds))
    written.replace(ahead)


def _latest_of_the_next(store: Store) -> float | None:
    """The time of day at which the last of the next look-ups is due, or None if none is owed."""
    with store.read() as tx:
        due = [tx.execute(select(func.max(looks.c.next_at))).scalar() for looks in _LOOKS]
    return max((one for one in due if one is not None), default=None)


def open_looks(store: Store) -> int:
    """How many rows are still to be looked up."""
    with store.read() as tx:
        return sum(tx.execute(select(func.count(looks.c.next_at))).scalar_one() for looks in _LOOKS)


def named_by_looks(store: Store) -> int:
    """How many second balances were named by a late look-up and by no comparison."""
    what, detail = tables.events.c.what, tables.events.c.detail
    found = select(func.count()).where(what == "second balance", detail.like("%a late look%"))
    with store.read() as tx:
        n: int = tx.execute(found).scalar_one()
    return n
