"""Compares what the store calls created with what Blnk has, once nothing is left to send.

Duplicates (a second balance of one ref) and missing balances are findings: reported with their ids, never
fixed by sending. Memory use is constant: what was found takes one byte for each row.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from blnk_api.blnk.endpoints import PAGE_LIMIT, REFS_PER_LOOK
from blnk_api.errors import AccessDenied, ReadFailed
from blnk_api.facts.findings import Findings, RowFinding
from blnk_api.lookup.balances_of_import import FEW_LISTS, BalancesOfImport, BalancesPage, all_of
from blnk_api.lookup.looker import Looker, bound_of, parse_time
from blnk_api.sending.verification.comparison import Tally, compare
from blnk_api.sending.verification.seen_rows import SeenRows
from blnk_api.store.async_store import AsyncStore
from blnk_api.store.imports import Import
from blnk_api.store.states import RowState
from blnk_api.store.tables import is_one_of, rows
from blnk_api.store.transitions import counts_of, move

_BALANCES_COMPARED = 400
"""At least so many are compared by one query, if there are more."""
_MISSING = "Blnk confirmed this balance, but no longer finds it."


async def verify(
    store: AsyncStore,
    looker: Looker,
    import_: Import,
    *,
    settle_seconds: float,
    few_lists: int = FEW_LISTS,
    clock: Callable[[], float] = time.monotonic,
) -> Findings:
    """Raises a BlnkError if Blnk does not answer; then nothing was concluded.

    Starts at the import's lower bound each time: a balance that was committed late may be in a range that an
    earlier comparison has passed.
    """
    first, last, expected, created = await store.read(_span, import_.number)
    tally = Tally(expected)
    if expected == 0:
        return tally.findings()
    seen = SeenRows(first, last)
    try:
        if import_.created_from is not None:
            balances = BalancesOfImport(
                looker,
                lambda after: store.read(_refs, import_.number, after),
                created,
                import_id=import_.id,
                created_from=bound_of(import_.created_from),
                ends=_ends(import_),
                few_lists=few_lists,
                clock=clock,
            )
            async with aclosing(balances.pages()) as pages:
                async for part in _in_parts(pages):
                    # What shows only this import's balances proves nothing about another desk's.
                    met = seen if part.by_ref else None
                    await store.read(compare, import_, part.balances, met, tally)
        await _look_again(store, looker, import_, seen, tally, settle_seconds=settle_seconds)
    except AccessDenied as denied:
        if denied.status != 403:
            raise
        return Tally(expected).findings(why_not=denied.message)
    return tally.findings(found=expected - len(tally.missing))


async def _in_parts(pages: AsyncIterator[BalancesPage]) -> AsyncIterator[BalancesPage]:
    """Several pages as one: a query for each costs twice as much."""
    kept = BalancesPage([])
    async for page in pages:
        if page.by_ref is not kept.by_ref or len(kept.balances) >= _BALANCES_COMPARED:
            yield kept
            kept = BalancesPage([], page.by_ref)
        kept.balances.extend(page.balances)
    yield kept


def _ends(import_: Import) -> datetime:
    """Roughly when its newest balance was created, by Blnk's time: its duration added to its first
    balance."""
    now = time.time()
    lasted = timedelta(seconds=max(0.0, (import_.finished_at or now) - (import_.confirmed_at or now)))
    try:
        return parse_time(import_.created_from or "") + lasted
    except (ValueError, OverflowError):
        return datetime.now(UTC)


def _span(tx: Connection, number: int) -> tuple[int, int, int, int]:
    """The first and last row of the import in any state, how many are balances, and how many of these it
    created."""
    mine = rows.c.import_ == number
    low, high = tx.execute(select(func.min(rows.c.id), func.max(rows.c.id)).where(mine)).one()
    counts = counts_of(tx, number)
    created = counts.get(RowState.CREATED, 0)
    return low or 0, high or 0, created + counts.get(RowState.EXISTS, 0), created


def _refs(tx: Connection, number: int, after: int) -> list[tuple[int, str]]:
    """The next rows that were created, with their refs."""
    part = tx.execute(
        select(rows.c.id, rows.c.ref)
        .where(rows.c.import_ == number, rows.c.state == RowState.CREATED, rows.c.id > after)
        .order_by(rows.c.id)
        .limit(REFS_PER_LOOK)
    )
    return [(one.id, one.ref) for one in part]


class _Unseen(NamedTuple):
    """A row with a balance that the walk did not meet."""

    id: int
    number: int
    balance_id: str
    ref: str | None
    state: str


async def _look_again(
    store: AsyncStore,
    looker: Looker,
    import_: Import,
    seen: SeenRows,
    tally: Tally,
    *,
    settle_seconds: float,
) -> None:
    """Looks up rows that the walk did not meet, by their balance's id: now, and again after the settle
    time."""
    after = 0
    while True:
        part = await store.read(_unseen, import_.number, seen, after)
        if not part:
            return
        after = part[-1].id
        for start in range(0, len(part), PAGE_LIMIT - 1):
            asked = part[start : start + PAGE_LIMIT - 1]
            ids = [one.balance_id for one in asked]
            held = await looker.find_ids(ids)
            witness = seen.witness or next((id for id in ids if id in held), None)
            gone = [id for id in ids if id not in held]
            missing = await _missing(looker, gone, witness, settle_seconds)
            for one in asked:
                if one.balance_id in missing:
                    tally.add(tally.missing, RowFinding(row=one.number, ids=[one.balance_id]))
            # A list that is too old to show these may also hide what another desk created beside them.
            behind = [one.ref for one in asked if one.state == RowState.CREATED and one.ref is not None]
            if behind:
                balances = await all_of(looker, behind, bound_of(import_.created_from))
                await store.read(compare, import_, balances, seen, tally)


async def _missing(looker: Looker, ids: list[str], witness: str | None, settle_seconds: float) -> list[str]:
    """Those that Blnk does not show after the settle time either, although it shows a balance that it showed
    before. Without such a witness, not even after twice that time."""
    for _ in range(1 if witness else 2):
        if not ids:
            break
        await asyncio.sleep(settle_seconds)
        held = await looker.find_ids(ids, witness=witness)
        ids = [id for id in ids if id not in held]
        if ids and witness is not None and witness not in held:
            raise ReadFailed("Blnk did not list a balance that it had listed before.")
    return ids


def _unseen(tx: Connection, number: int, seen: SeenRows, after: int) -> list[_Unseen]:
    """The next rows with a balance that the walk did not meet: made by another import, shown late, or
    missing."""
    while ids := seen.missed(after):
        part = tx.execute(
            select(rows.c.id, rows.c.number, rows.c.balance_id, rows.c.ref, rows.c.state)
            .where(
                rows.c.id.in_(ids),
                rows.c.import_ == number,
                rows.c.state.in_([RowState.CREATED, RowState.EXISTS]),
            )
            .order_by(rows.c.id)
        ).all()
        if part:
            return [_Unseen(*one) for one in part]
        after = ids[-1]
    return []


def put_missing_in_doubt(tx: Connection, import_: Import, findings: Findings) -> None:
    """CREATED → UNKNOWN for balances that cannot be found: a person decides; they never become Not sent."""
    gone = [one.ids[0] for one in findings.missing]
    ids = tx.execute(
        select(rows.c.id).where(
            rows.c.instance == import_.instance_number,
            is_one_of(rows, [RowState.CREATED]),
            rows.c.balance_id.in_(gone),
        )
    )
    move(
        tx,
        [one.id for one in ids],
        from_=RowState.CREATED,
        to=RowState.UNKNOWN,
        waits_for_person=True,
        message=_MISSING,
    )
