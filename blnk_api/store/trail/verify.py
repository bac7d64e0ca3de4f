"""Verifies the audit trail: finds the first entry of each chain that does not match what is stored."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import Connection, and_, except_, select

from blnk_api.store.approvals.requests import RequestState
from blnk_api.store.database import Store
from blnk_api.store.events import EventKind
from blnk_api.store.tables import (
    approvals,
    desk_events,
    events,
    imports,
    receipts,
    repairs,
    trail,
    trail_heads,
)
from blnk_api.store.tables.base import AnyRow
from blnk_api.store.trail import chain, hashes
from blnk_api.store.trail.chain import DESK

_AT_ONCE = 1_000
_MOST_BREAKS = 100


class Fault(StrEnum):
    """The kinds of mismatch."""

    CHANGED = "changed"
    """The event, the cells' texts or the link itself differ from what was linked."""
    DELETED = "deleted"
    """The event, the edits, or the link itself is missing."""
    ADDED = "added"
    """An event or edits without a link."""
    CUT_OFF = "cut off"
    """The chain ends before or after its head."""
    RECEIPT = "receipt"
    """A receipt differs from the one that was written, or names another head."""
    APPROVAL = "approval"
    """An approval holds of which the trail does not say that people gave it."""


@dataclass(frozen=True, slots=True)
class Break:
    """The first entry of a chain that does not match. `import_id` is None for the desk's chain."""

    fault: Fault
    import_id: str | None
    n: int | None
    """Its number in the chain, or None if it has none or the chain is missing."""
    at: float | None = None
    what: str | None = None
    receipt: int | None = None


@dataclass(frozen=True, slots=True)
class Verified:
    events: int
    """How many entries were verified, including edits."""
    imports: int
    breaks: tuple[Break, ...]


def verify(store: Store) -> Verified:
    """Continues after a mismatch: one for each chain, at most a hundred. Others can write meanwhile."""
    with store.read() as tx:
        of_imports: dict[int, str] = {n: id for n, id in tx.execute(select(imports.c.number, imports.c.id))}
        linked = set(tx.execute(select(trail_heads.c.chain)).scalars())
    seen = 0
    breaks: list[Break] = []
    for number in sorted({DESK, *of_imports, *linked}):
        with store.snapshot() as tx:
            walk = _Walk(tx, number, of_imports.get(number))
            found = walk.first_break()
        seen += walk.seen
        if found is not None:
            breaks.append(found)
        if len(breaks) == _MOST_BREAKS:
            break
    return Verified(seen, len(of_imports), tuple(breaks))


class _Walk:
    """Walks through one chain, as of one moment."""

    def __init__(self, tx: Connection, number: int, import_id: str | None) -> None:
        self._tx = tx
        self._number = number
        self._id = import_id
        self.seen = 0

    def first_break(self) -> Break | None:
        if self._id is None and self._number != DESK:
            return Break(Fault.DELETED, None, None)
        head = chain.head(self._tx, self._number)
        batches, bad_texts = self._edits()
        known_receipts = self._receipts()
        approved: dict[str, set[hashes.Who]] = defaultdict(set)
        last, n = hashes.origin(self._id or "desk"), 0
        for one in self._entries():
            self.seen += 1
            if one.n != n + 1:
                return Break(Fault.DELETED, self._id, n + 1)
            n = one.n
            digest = batches.pop(one.edits, None) if one.event is None else _digest(one)
            if digest is None:
                return Break(Fault.DELETED, self._id, n)
            if hashes.link(last, n, digest) != one.link or (one.event is None and one.edits in bad_texts):
                return self._break(Fault.CHANGED, one)
            last = one.link
            if broken := known_receipts.misfit(one):
                return Break(Fault.RECEIPT, self._id, n, one.at, one.what, receipt=broken)
            if one.what == EventKind.APPROVED and self._id is not None:
                approved[orjson.loads(one.detail).get("digest", "")].add(_who(one))
        if head is None or (n == 0 and self._id is not None):
            # Every import begins with an event, and the desk has a head from the beginning.
            return self._added(batches) or Break(Fault.CUT_OFF, self._id, None)
        if (head.n, head.link) != (n, last) or known_receipts.beyond(n):
            return Break(Fault.CUT_OFF, self._id, n or None)
        return self._added(batches) or self._approved_by_nobody(approved)

    def _approved_by_nobody(self, approved: Mapping[str, Collection[hashes.Who]]) -> Break | None:
        """An approval that was written into the database by other means has no event."""
        mine = approvals.c.import_ == self._number, approvals.c.state == RequestState.APPROVED
        for one in self._tx.execute(select(approvals).where(*mine).order_by(approvals.c.id)):
            if len(approved.get(one.digest, ())) < one.approvers:
                return Break(Fault.APPROVAL, self._id, None, one.asked_at)
        return None

    def _break(self, fault: Fault, one: AnyRow) -> Break:
        if one.event is not None:
            return Break(fault, self._id, one.n, one.at, one.what)
        mine = select(repairs.c.at).where(repairs.c.import_ == self._number, repairs.c.batch == one.edits)
        return Break(fault, self._id, one.n, self._tx.execute(mine.limit(1)).scalar(), EDITS)

    def _entries(self) -> Iterator[AnyRow]:
        query = entries(self._number).limit(_AT_ONCE)
        after = 0
        while found := self._tx.execute(query.where(trail.c.n > after)).all():
            yield from found
            after = found[-1].n

    def _edits(self) -> tuple[dict[str, str], set[str]]:
        """Digests of edits by their batch, and the batches whose texts do not match a digest."""
        taken: dict[str, hashes.Edits] = {}
        bad: set[str] = set()
        columns = [one for one in repairs.c if one.key != "import_"]
        mine = select(*columns, imports.c.purged_at).join(imports, imports.c.number == repairs.c.import_)
        mine = mine.where(repairs.c.import_ == self._number).order_by(repairs.c.id).limit(_AT_ONCE)
        after = -1
        while found := self._tx.execute(mine.where(repairs.c.id > after)).all():
            for one in found:
                batch = taken.setdefault(one.batch, hashes.Edits(one.batch))
                batch.add(one.number, one.position, one.digest, one.at, _who(one))
                if one.salt is None:
                    is_fine = one.purged_at is not None
                else:
                    is_fine = hashes.of_texts(one.salt, one.old, one.new) == one.digest
                if not is_fine:
                    bad.add(one.batch)
            after = found[-1].id
        return {batch: one.digest for batch, one in taken.items()}, bad

    def _receipts(self) -> "_Receipts":
        mine = select(receipts.c.n, receipts.c.told).where(receipts.c.import_ == self._number)
        return _Receipts({n: text for n, text in self._tx.execute(mine)})

    def _added(self, batches: Mapping[str, str]) -> Break | None:
        """An entry without a link."""
        table = desk_events if self._number == DESK else events
        there = select(table.c.id)
        if table is events:
            there = there.where(events.c.import_ == self._number)
        linked = select(trail.c.event).where(trail.c.chain == self._number, trail.c.event.is_not(None))
        id = self._tx.execute(except_(there, linked).order_by("id").limit(1)).scalar()
        if id is not None:
            one = self._tx.execute(select(table.c.at, table.c.what).where(table.c.id == id)).one()
            return Break(Fault.ADDED, self._id, None, one.at, one.what)
        return Break(Fault.ADDED, self._id, None, None, EDITS) if batches else None


EDITS = "edits"
"""The kind of an entry that is not an event."""


class _Receipts:
    """The receipts of an import, while its chain is walked."""

    def __init__(self, texts: Mapping[int, str]) -> None:
        self._sha256 = {n: hashlib.sha256(text.encode()).hexdigest() for n, text in texts.items()}
        self._heads: dict[int, list[tuple[str, int]]] = {}
        for n, text in texts.items():
            if named := orjson.loads(text).get("trail"):
                self._heads.setdefault(named["events"], []).append((named["head"], n))

    def beyond(self, n: int) -> bool:
        """Whether a receipt names an entry after the last one: it was there when the receipt was written."""
        return any(named > n for named in self._heads)

    def misfit(self, entry: AnyRow) -> int | None:
        """The receipt that names another head at this entry, or that differs from what this entry says."""
        for head, n in self._heads.get(entry.n, ()):
            if head != entry.link:
                return n
        if entry.what != EventKind.RECEIPT:
            return None
        detail = orjson.loads(entry.detail)
        written: str | None = detail.get("sha256")
        n = detail.get("n", 0)
        return None if written is None or self._sha256.get(n) == written else n


def entries(number: int) -> Any:
    """A chain in order: links, and the events that they refer to."""
    table = desk_events if number == DESK else events
    leads = table.c.id == trail.c.event
    columns = [one for one in table.c if one.key != "import_"]
    if table is events:
        leads = and_(leads, events.c.import_ == number)
    return (
        select(trail.c.n, trail.c.event, trail.c.edits, trail.c.link, *columns)
        .join(table, leads, isouter=True)
        .where(trail.c.chain == number)
        .order_by(trail.c.n)
    )


def _digest(one: AnyRow) -> str | None:
    """The digest of the stored event, or None if it is missing."""
    if one.id is None:
        return None
    row = one._mapping.get("row")
    return hashes.of_event(one.form, one.id, row, one.at, _who(one), one.what, one.detail)


# Any: a row of either table.
def _who(one: Any) -> hashes.Who:
    return one.who, one.who_kind, one.who_email, one.who_identity
