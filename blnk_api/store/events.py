"""What happened to an import: who did what to which row, when, and the particulars. Only ever added to."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from sqlalchemy import Connection, func, insert, or_, select

from blnk_api.access.actors import Actor, ActorKind
from blnk_api.facts.stored import Stored
from blnk_api.store.people.stored_actor import read, selected, stored
from blnk_api.store.tables import events
from blnk_api.store.tables.base import AnyQuery
from blnk_api.store.trail import chain, hashes
from blnk_api.store.trail.chain import Entry


class EventKind(StrEnum):
    """What happened, as it stands in the database."""

    UPLOADED = "uploaded"
    ASKED_FOR = "asked for"
    """The form was filled in."""
    CONFIRMED = "confirmed"
    ASKED_FOR_APPROVAL = "asked for approval"
    APPROVED = "approved"
    """By one person; the particulars are how many rows, and the digest."""
    SENT_BACK = "sent back"
    APPROVAL_WITHDRAWN = "approval withdrawn"
    APPROVAL_LAPSED = "approval lapsed"
    APPROVAL_VOID = "approval void"
    """The database was restored or copied."""
    PAUSED = "paused"
    RESUMED = "resumed"
    CANCELLED = "cancelled"
    VERIFIED = "verified"
    """Compared with Blnk; the particulars are the findings."""
    INTERRUPTED = "interrupted"
    """A sender stopped in the middle of rows."""
    SENDING_STOPPED = "sending stopped"
    SENDING_STARTED = "sending started"
    # what a check came to, and what people change in a draft
    UNREADABLE = "unreadable"
    READ_OTHERWISE = "read otherwise"
    """The particulars are the options that the file is read by now."""
    MATCHED_COLUMNS = "matched columns"
    ACCEPTED_CURRENCY = "accepted currency"
    WITHDREW_CURRENCY = "withdrew currency"
    ACCEPTED = "accepted"
    """Rows like balances made before are to be created too."""
    REPAIRED = "repaired"
    LEFT_OUT = "left out"
    TAKEN_IN = "taken in"
    SKIPPED_HIDDEN_ROWS = "skipped hidden rows"
    INCLUDED_HIDDEN_ROWS = "included hidden rows"
    # what looking in Blnk found
    FOUND = "found"
    ABSENT = "absent"
    LATE_ANSWER = "late answer"
    SECOND_BALANCE = "second balance"
    MADE_LATE = "made late"
    """A balance in the form in which a row was sent before; the row is not created in that form."""
    LOOKED_UP = "looked up for the last time"
    # what people decide about rows that were sent
    ASKED_TO_LOOK_AGAIN = "asked to look again"
    SAID_WHICH_BALANCE = "said which balance it is"
    ASKED_TO_SEND_AGAIN = "asked to send again"
    ASKED_FOR_AGAIN = "asked for again"
    """One more balance of rows that Blnk has already."""
    ASKED_TO_VERIFY_AGAIN = "asked to verify again"
    REPAIRED_AND_SENT_AGAIN = "repaired and sent again"
    FIXING = "fixing rows of another import"
    FIXED_ELSEWHERE = "rows are fixed in another import"
    """The particulars are how many, and the id of that import."""
    PUT_BACK = "rows are no longer fixed elsewhere"
    TOOK_OVER = "took over the fixes of an import"
    """Of the same file; the particulars are how many, and its id."""
    NOTED = "noted"
    DOWNLOADED = "downloaded"
    """By a person who signed in; the particulars name the file."""
    # what the house does by itself
    RECEIPT = "receipt"
    PURGED = "purged"
    EXPIRED = "expired"


class Particulars(Stored):
    """What its sentence needs of an event; of each kind only some of them are there."""

    version: int | None = None
    """Of the draft that was confirmed."""
    unchecked: tuple[str, ...] = ()
    """What could not be checked of it, a sentence each."""
    by: str | None = None
    """Whose pause it is, a `PausedBy`; of a second balance, what found it, where no answer told it."""
    reason: str = ""
    why: str = ""
    kind: str | None = None
    code: str | None = None
    rows: int | tuple[str, ...] = 0
    """How many; where people asked for more balances, the first of them by their labels."""
    cells: int = 0
    columns: tuple[int, ...] = ()
    count: int = 0
    label: str | None = None
    """What people call the row."""
    balance_id: str | None = None
    balance_ids: tuple[str | None, ...] = ()
    """All balances of one row, its own first; an earlier version may not have known that one."""
    was: str | None = None
    """The balance that was thought to be the row's."""
    n: int | None = None
    """The number of a receipt."""
    sha256: str | None = None
    """Of all that it says."""
    days: int | None = None
    digest: str | None = None
    """Of a request for approval: over the rows that it covers."""

    @property
    def ids(self) -> list[str]:
        return [id for id in self.balance_ids if id]


@dataclass(frozen=True)
class Event:
    """`what` is an EventKind, or what another version called it. `row` is the row's id."""

    at: float
    who: Actor
    what: str
    row: int | None
    kept: str = field(repr=False)
    """The particulars as JSON."""

    @cached_property
    def detail(self) -> Particulars:
        return Particulars.model_validate_json(self.kept)


def note(
    tx: Connection,
    import_: int,
    *,
    who: Actor,
    what: EventKind,
    row: int | None = None,
    detail: Stored | None = None,
) -> None:
    """Writes an event: who did what, when, and the particulars. The trail links it when `tx` commits."""
    kept = "{}" if detail is None else detail.stored()
    at, by = time.time(), stored(who)
    facts = {"import_": import_, "row": row, "at": at, "what": what, "detail": kept, "form": hashes.FORM}
    id = tx.execute(insert(events).values(**facts, **by).returning(events.c.id)).scalar_one()
    digest = hashes.of_event(hashes.FORM, id, row, at, tuple(by.values()), what, kept)
    chain.add(tx, import_, Entry(id, None, digest))


_EVENTS = select(events.c.at, *selected(events), events.c.what, events.c.row, events.c.detail)


_LOOKS = (EventKind.FOUND, EventKind.ABSENT)
_PAUSED_BY_ITSELF = (events.c.what == EventKind.PAUSED) & events.c.detail.like('%"by":"breaker"%')
_RESUMED_BY_ITSELF = (events.c.what == EventKind.RESUMED) & (events.c.who_kind == ActorKind.SYSTEM)
_IS_ROUTINE = or_(events.c.what.in_(_LOOKS), _PAUSED_BY_ITSELF, _RESUMED_BY_ITSELF)
"""What settles itself, a row or a pause at a time: people are told how often, and each when they ask."""


@dataclass(frozen=True, slots=True)
class Routine:
    """How often an import did what settles itself."""

    found: int = 0
    """Rows without a clear answer whose balance was found in Blnk."""
    absent: int = 0
    """Times that such a row was surely not there."""
    waits: int = 0
    """Times that Blnk did not answer and was waited for."""


def routine_of(tx: Connection, import_: int) -> Routine:
    """All of it so far."""
    asked = select(events.c.what, func.count()).where(
        events.c.import_ == import_, or_(events.c.what.in_(_LOOKS), _PAUSED_BY_ITSELF)
    )
    n = {what: counted for what, counted in tx.execute(asked.group_by(events.c.what))}
    return Routine(n.get(EventKind.FOUND, 0), n.get(EventKind.ABSENT, 0), n.get(EventKind.PAUSED, 0))


def of_import(tx: Connection, import_: int, *, limit: int = 20, routine: bool | None = None) -> list[Event]:
    """The last events of an import, newest first: all, or those alone that are `routine` or are not."""
    mine = _EVENTS.where(events.c.import_ == import_)
    if routine is not None:
        mine = mine.where(_IS_ROUTINE if routine else ~_IS_ROUTINE)
    return _read(tx, mine.order_by(events.c.id.desc()).limit(limit))


def of_row(tx: Connection, import_: int, row: int, kind: EventKind | None = None) -> list[Event]:
    """What people decided and looking found about one row, oldest first."""
    mine = _EVENTS.where(events.c.import_ == import_, events.c.row == row)
    if kind is not None:
        mine = mine.where(events.c.what == kind)
    return _read(tx, mine.order_by(events.c.id))


def last_at(tx: Connection, import_: int, kind: EventKind) -> float | None:
    """When something of this kind happened last."""
    mine = select(events.c.at).where(events.c.import_ == import_, events.c.what == kind)
    at: float | None = tx.execute(mine.order_by(events.c.id.desc()).limit(1)).scalar()
    return at


def of_kinds(tx: Connection, import_: int, kinds: Iterable[EventKind]) -> list[Event]:
    """The events of these kinds, oldest first."""
    mine = _EVENTS.where(events.c.import_ == import_, events.c.what.in_(list(kinds)))
    return _read(tx, mine.order_by(events.c.id))


# Any: a row of these columns.
def _read(tx: Connection, query: AnyQuery) -> list[Event]:
    return [Event(one.at, read(one), one.what, one.row, one.detail) for one in tx.execute(query)]
