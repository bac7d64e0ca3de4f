"""The events of an import: who did what to which row, when, with details. Events are only ever added."""

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
    """The values are stored in the database."""

    UPLOADED = "uploaded"
    ASKED_FOR = "asked for"
    """The form was filled in."""
    CONFIRMED = "confirmed"
    ASKED_FOR_APPROVAL = "asked for approval"
    APPROVED = "approved"
    """By one person. The details are the number of rows and the digest."""
    SENT_BACK = "sent back"
    APPROVAL_WITHDRAWN = "approval withdrawn"
    APPROVAL_LAPSED = "approval lapsed"
    APPROVAL_VOID = "approval void"
    """The database was restored or copied."""
    PAUSED = "paused"
    RESUMED = "resumed"
    CANCELLED = "cancelled"
    VERIFIED = "verified"
    """Compared with Blnk. The details are the findings."""
    INTERRUPTED = "interrupted"
    """A sender stopped in the middle of rows."""
    SENDING_STOPPED = "sending stopped"
    SENDING_STARTED = "sending started"
    # results of checks, and what people change in a draft
    UNREADABLE = "unreadable"
    READ_OTHERWISE = "read otherwise"
    """The details are the new options for reading the file."""
    MATCHED_COLUMNS = "matched columns"
    ACCEPTED_CURRENCY = "accepted currency"
    WITHDREW_CURRENCY = "withdrew currency"
    ACCEPTED = "accepted"
    """Rows that resemble balances created before are to be created too."""
    REPAIRED = "repaired"
    LEFT_OUT = "left out"
    TAKEN_IN = "taken in"
    SKIPPED_HIDDEN_ROWS = "skipped hidden rows"
    INCLUDED_HIDDEN_ROWS = "included hidden rows"
    # results of look-ups in Blnk
    FOUND = "found"
    ABSENT = "absent"
    LATE_ANSWER = "late answer"
    SECOND_BALANCE = "second balance"
    MADE_LATE = "made late"
    """A balance from an earlier form of a row. The row is not created again in that form."""
    LOOKED_UP = "looked up for the last time"
    # what people decide about rows that were sent
    ASKED_TO_LOOK_AGAIN = "asked to look again"
    SAID_WHICH_BALANCE = "said which balance it is"
    ASKED_TO_SEND_AGAIN = "asked to send again"
    ASKED_FOR_AGAIN = "asked for again"
    """Another balance for rows that Blnk already has."""
    ASKED_TO_VERIFY_AGAIN = "asked to verify again"
    REPAIRED_AND_SENT_AGAIN = "repaired and sent again"
    FIXING = "fixing rows of another import"
    FIXED_ELSEWHERE = "rows are fixed in another import"
    """The details are the number of rows and the id of that import."""
    PUT_BACK = "rows are no longer fixed elsewhere"
    TOOK_OVER = "took over the fixes of an import"
    """From an import of the same file. The details are the number of fixes and its id."""
    NOTED = "noted"
    DOWNLOADED = "downloaded"
    """By a signed-in person. The details name the file."""
    # what happens automatically
    RECEIPT = "receipt"
    PURGED = "purged"
    EXPIRED = "expired"


class Particulars(Stored):
    """The details of an event. Each kind has only some of them."""

    version: int | None = None
    """The version of the confirmed draft."""
    unchecked: tuple[str, ...] = ()
    """What could not be checked, one sentence each."""
    by: str | None = None
    """Who paused it, a `PausedBy`. For a second balance, what found it if no answer did."""
    reason: str = ""
    why: str = ""
    kind: str | None = None
    code: str | None = None
    rows: int | tuple[str, ...] = 0
    """The number of rows. If people requested more balances, the labels of the first rows."""
    cells: int = 0
    columns: tuple[int, ...] = ()
    count: int = 0
    label: str | None = None
    """The row's label."""
    balance_id: str | None = None
    balance_ids: tuple[str | None, ...] = ()
    """All balances of one row, its own first, which an earlier version may not have known."""
    was: str | None = None
    """The balance that was believed to be the row's."""
    n: int | None = None
    """The number of a receipt."""
    sha256: str | None = None
    """The hash of the receipt's contents."""
    days: int | None = None
    digest: str | None = None
    """A request for approval: the digest of the rows that it covers."""

    @property
    def ids(self) -> list[str]:
        return [id for id in self.balance_ids if id]


@dataclass(frozen=True)
class Event:
    """`what` is an EventKind, or a kind of another version. `row` is the row's id."""

    at: float
    who: Actor
    what: str
    row: int | None
    kept: str = field(repr=False)
    """The details as JSON."""

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
    """Writes an event: who did what, when, and the details. It is linked to the trail when `tx` commits."""
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
"""Things that settle automatically, one row or pause at a time. People see their number, and each on
request."""


@dataclass(frozen=True, slots=True)
class Routine:
    """How often things settled automatically in an import."""

    found: int = 0
    """Rows without a clear answer whose balance was found in Blnk."""
    absent: int = 0
    """How often such a row was certainly absent."""
    waits: int = 0
    """How often sending waited because Blnk did not answer."""


def routine_of(tx: Connection, import_: int) -> Routine:
    """All of it so far."""
    query = select(events.c.what, func.count()).where(
        events.c.import_ == import_, or_(events.c.what.in_(_LOOKS), _PAUSED_BY_ITSELF)
    )
    n = {what: counted for what, counted in tx.execute(query.group_by(events.c.what))}
    return Routine(n.get(EventKind.FOUND, 0), n.get(EventKind.ABSENT, 0), n.get(EventKind.PAUSED, 0))


def of_import(tx: Connection, import_: int, *, limit: int = 20, routine: bool | None = None) -> list[Event]:
    """The last events of an import, newest first: all, or only those that are `routine` or are not."""
    mine = _EVENTS.where(events.c.import_ == import_)
    if routine is not None:
        mine = mine.where(_IS_ROUTINE if routine else ~_IS_ROUTINE)
    return _read(tx, mine.order_by(events.c.id.desc()).limit(limit))


def of_row(tx: Connection, import_: int, row: int, kind: EventKind | None = None) -> list[Event]:
    """What people decided and look-ups found about one row, oldest first."""
    mine = _EVENTS.where(events.c.import_ == import_, events.c.row == row)
    if kind is not None:
        mine = mine.where(events.c.what == kind)
    return _read(tx, mine.order_by(events.c.id))


def last_at(tx: Connection, import_: int, kind: EventKind) -> float | None:
    """When an event of this kind last happened."""
    mine = select(events.c.at).where(events.c.import_ == import_, events.c.what == kind)
    at: float | None = tx.execute(mine.order_by(events.c.id.desc()).limit(1)).scalar()
    return at


def of_kinds(tx: Connection, import_: int, kinds: Iterable[EventKind]) -> list[Event]:
    """The events of these kinds, oldest first."""
    mine = _EVENTS.where(events.c.import_ == import_, events.c.what.in_(list(kinds)))
    return _read(tx, mine.order_by(events.c.id))


# Any: a row with these columns.
def _read(tx: Connection, query: AnyQuery) -> list[Event]:
    return [Event(one.at, read(one), one.what, one.row, one.detail) for one in tx.execute(query)]
