"""Compares what the store calls created with what Blnk has, once nothing is left to send.

Duplicates (a second balance of one ref) and missing balances are findings: reported with their ids, never
fixed by sending. Memory use is constant: what was found takes one byte for each row.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection, func, select

from blnk_api.blnk.endpoints import PAGE_LIMIT, REFS_PER_LOOK
from blnk_api.errors import AccessDenied, ReadFailed
from blnk_api.facts.findings import Findings, RowFinding, Unexpected
from blnk_api.lookup.balances_of_import import FEW_LISTS, BalancesOfImport, all_of
from blnk_api.lookup.looker import Looker, bound_of, parse_time
from blnk_api.models import IMPORT_ID, Balance
from blnk_api.sending.verification.seen_rows import SeenRows
from blnk_api.store.async_store import AsyncStore
from blnk_api.store.imports import Import
from blnk_api.store.states import HELD, RowState
from blnk_api.store.tables import is_one_of, rows
from blnk_api.store.transitions import counts_of, move

MOST_TOLD = 1000
"""How many findings are stored with all their ids. Of the rest only their number is stored."""

_Finding = TypeVar("_Finding", RowFinding, Unexpected)

_MISSING = "Blnk confirmed this balance, but no longer finds it."


@dataclass
class _Tally:
    """The intermediate result of a verification."""

    expected: int
    twins: list[RowFinding] = field(default_factory=list)
    missing: list[RowFinding] = field(default_factory=list)
    unexpected: list[Unexpected] = field(default_factory=list)
    _told: set[str] = field(default_factory=set)
    """Second and unexpected balances that are already among the findings: a balance may be read twice."""

    def add(self, kind: list[_Finding], finding: _Finding) -> None:
        id = finding.ids[-1]
        if len(kind) < MOST_TOLD and id not in self._told:
            self._told.add(id)
            kind.append(finding)

    def findings(self, *, found: int = 0, why_not: str | None = None) -> Findings:
        """`why_not`: why these credentials could not read."""
        return Findings(
            checked=why_not is None,
            at=time.time(),
            expected=self.expected,
            found=found,
            twins=self.twins,
            missing=self.missing,
            unexpected=self.unexpected,
            why_not=why_not,
            clean=not (self.twins or self.missing or self.unexpected),
        )


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
    tally = _Tally(expected)
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
                async for page in pages:
                    # What shows only this import's balances proves nothing about another desk's.
                    met = seen if page.by_ref else None
                    await store.read(_compare, import_, page.balances, met, tally)
        await _look_again(store, looker, import_, seen, tally, settle_seconds=settle_seconds)
    except AccessDenied as denied:
        if denied.status != 403:
            raise
        return _Tally(expected).findings(why_not=denied.message)
    return tally.findings(found=expected - len(tally.missing))


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


def _compare(
    tx: Connection, import_: Import, balances: Sequence[Balance], seen: SeenRows | None, tally: _Tally
) -> None:
    """Marks the rows whose refs are on a page of Blnk's balances in `seen`, if given, and notes balances that
    no row names.

    A balance of this import may belong to another import's row with the same content: its answer was lost,
    and the other import found it. That is not unexpected.
    """
    refs = {one.import_ref for one in balances}
    if not refs:
        return
    # Import and state are compared here: in the query, SQLite would scan all rows of the import.
    holders = {
        one.ref: one
        for one in tx.execute(
            select(
                rows.c.id, rows.c.ref, rows.c.number, rows.c.balance_id, rows.c.import_, rows.c.state
            ).where(rows.c.instance == import_.instance_number, rows.c.ref.in_(refs), is_one_of(rows, HELD))
        )
    }
    strangers = []
    for balance in balances:
        row = holders.get(balance.import_ref)
        is_its_balance = row is not None and row.balance_id == balance.balance_id
        if row is not None and row.import_ == import_.number and row.state == RowState.CREATED:
            if is_its_balance:
                if seen is not None:
                    seen.add(row.id)
                    seen.witness = balance.balance_id
            else:
                ids = [row.balance_id, balance.balance_id]
                tally.add(tally.twins, RowFinding(row=row.number, ids=ids))
        elif balance.meta_data.get(IMPORT_ID) == import_.id and not is_its_balance:
            strangers.append(Unexpected(ref=balance.import_ref, ids=[balance.balance_id]))
    known = _of_fixed_rows(tx, import_.number, [one.ids[0] for one in strangers]) if strangers else ()
    for one in strangers:
        if one.ids[0] not in known:
            tally.add(tally.unexpected, one)


def _of_fixed_rows(tx: Connection, number: int, balance_ids: Sequence[str]) -> set[str]:
    """Which of these are balances of rows that were created before they were fixed, under another ref."""
    mine = (rows.c.import_ == number, rows.c.state == RowState.EXISTS)
    return set(
        tx.execute(select(rows.c.balance_id).where(*mine, rows.c.balance_id.in_(balance_ids))).scalars()
    )


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
    tally: _Tally,
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
                await store.read(_compare, import_, balances, seen, tally)


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
