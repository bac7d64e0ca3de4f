"""Notifications about imports, written in the same transaction as the move that they report.

Each occurrence is reported once: a notification that would repeat the previous one is not written, nor are
waits that end automatically, unless they last. The recipients are determined when it is sent.
"""

import time
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, exists, func, insert, select, update

from blnk_api.access.actors import Actor
from blnk_api.access.acts import Act
from blnk_api.facts.findings import Findings
from blnk_api.facts.notification import NotificationFacts
from blnk_api.settings import Instance
from blnk_api.store.events import EventKind
from blnk_api.store.instance_numbers import number_for
from blnk_api.store.states import ImportState, PausedBy, RowState
from blnk_api.store.tables import deliveries, events, imports, instances, notices, rows
from blnk_api.store.tables.base import AnyRow
from blnk_api.store.transitions import counts_of

_GATHER_SECONDS = 30.0
"""Findings about a finished import arrive row by row, a moment apart. They are reported together."""


class NotificationKind(StrEnum):
    """The values are stored in the database."""

    FINISHED = "finished"
    NEEDS_YOU = "needs you"
    """It is finished, and rows or findings need a person."""
    PAUSED = "paused"
    CREDENTIALS = "credentials"
    """Blnk rejected the credentials, so the imports of the instance are paused."""
    WAITING = "waiting"
    """Blnk has not answered for a long time. Nobody has to do anything."""
    APPROVAL_ASKED = "approval asked"
    """A second person must approve it."""
    APPROVAL_DECIDED = "approval decided"
    """It was approved, or sent back."""
    APPROVAL_LAPSES = "approval lapses"
    """Nobody has decided yet, and the request lapses soon."""
    APPROVAL_LAPSED = "approval lapsed"
    TEST = "test"


_OF_THE_END = (NotificationKind.FINISHED, NotificationKind.NEEDS_YOU)


@dataclass(frozen=True)
class Notification:
    """One notification to send. `import_` is None for a test."""

    id: int
    instance: Instance
    import_: int | None
    kind: NotificationKind
    at: float
    facts: NotificationFacts


ALL = select(notices, instances.c.base_url, instances.c.instance_id, instances.c.environment).join(
    instances, notices.c.instance == instances.c.id
)


# Any: a row with all columns of two tables.
def notification_of(one: AnyRow) -> Notification:
    """Reads a row of `ALL`."""
    facts = NotificationFacts.model_validate_json(one.facts)
    instance = Instance(one.base_url, one.instance_id, one.environment)
    return Notification(one.id, instance, one.import_, NotificationKind(one.kind), one.at, facts)


def newest(tx: Connection) -> int:
    """The id of the last one, or 0."""
    return tx.execute(select(func.max(notices.c.id))).scalar() or 0


def finished(tx: Connection, number: int) -> None:
    """The import is finished. A balance from the form that needs nobody is not reported: the person who
    filled in the form is looking at it."""
    facts = _facts_of(tx, number)
    kind = NotificationKind.NEEDS_YOU if _wants_a_person(facts) else NotificationKind.FINISHED
    of_form = select(imports.c.kind).where(imports.c.number == number)
    if kind is NotificationKind.FINISHED and tx.execute(of_form).scalar_one() == "form":
        return
    _add_if_new(tx, number, kind, facts)


def needs_you(tx: Connection, number: int) -> None:
    """Something was found about this import. While it runs, that is reported at its end; afterwards now,
    together with what is found a moment later."""
    state = tx.execute(select(imports.c.state).where(imports.c.number == number)).scalar_one()
    if state not in (ImportState.DONE, ImportState.CANCELLED):
        return
    facts = _facts_of(tx, number)
    if not _wants_a_person(facts):
        return
    untouched = ~exists().where(deliveries.c.notice == notices.c.id)
    gathered = tx.execute(
        update(notices)
        .where(notices.c.import_ == number, notices.c.kind == NotificationKind.NEEDS_YOU)
        .where(notices.c.next_at.is_not(None), untouched)
        .values(facts=facts.stored())
    )
    if not gathered.rowcount:
        _add_if_new(tx, number, NotificationKind.NEEDS_YOU, facts, after_seconds=_GATHER_SECONDS)


def canceled(tx: Connection, number: int, *, who: Actor) -> None:
    """A person canceled it. What was created stays."""
    facts = _facts_of(tx, number).model_copy(update={"canceled": True, **_named(who)})
    _add(tx, number, NotificationKind.FINISHED, facts)


def paused(tx: Connection, number: int, *, by: PausedBy, who: Actor) -> None:
    """It stopped and does not continue automatically. Rejected credentials are reported once for all imports
    that wait for them. The circuit breaker's pauses end automatically and are not reported here: see
    `waiting`."""
    if by is PausedBy.BREAKER:
        return
    if by is PausedBy.ACCESS and _others_wait_for_credentials(tx, number):
        return
    facts = _facts_of(tx, number).model_copy(update={"by": by.value, **_named(who)})
    _add(
        tx, number, NotificationKind.CREDENTIALS if by is PausedBy.ACCESS else NotificationKind.PAUSED, facts
    )


def waiting(tx: Connection, instance: int, *, since: float) -> None:
    """Blnk has not answered since `since`, which is long. Reported once per outage, for the newest import
    that waits."""
    query = select(notices.c.id).where(
        notices.c.instance == instance, notices.c.kind == NotificationKind.WAITING, notices.c.at >= since
    )
    if tx.execute(query.limit(1)).first() is not None:
        return
    held_up = select(func.max(imports.c.number)).where(
        imports.c.instance == instance,
        imports.c.state == ImportState.PAUSED,
        imports.c.paused_by == PausedBy.BREAKER,
    )
    number = tx.execute(held_up).scalar()
    if number is not None:
        _add(tx, number, NotificationKind.WAITING, _facts_of(tx, number).model_copy(update={"since": since}))


def approval_asked(tx: Connection, number: int, *, who: Actor) -> None:
    """It waits for approval; `who` requested it."""
    facts = _facts_of(tx, number).model_copy(update=_named(who))
    _add(tx, number, NotificationKind.APPROVAL_ASKED, facts)


def approval_decided(tx: Connection, number: int, *, who: Actor, is_approved: bool) -> None:
    """It was approved, or sent back by `who`."""
    facts = _facts_of(tx, number).model_copy(update={"approved": is_approved, **_named(who)})
    _add(tx, number, NotificationKind.APPROVAL_DECIDED, facts)


def approval_lapses(tx: Connection, number: int, *, at: float) -> None:
    """It lapses at this time if nobody decides."""
    facts = _facts_of(tx, number).model_copy(update={"since": at})
    _add(tx, number, NotificationKind.APPROVAL_LAPSES, facts)


def approval_lapsed(tx: Connection, number: int) -> None:
    """Nobody decided in time."""
    _add(tx, number, NotificationKind.APPROVAL_LAPSED, _facts_of(tx, number))


def test(tx: Connection, instance: Instance, *, who: Actor) -> None:
    """For a person who wants to test the addresses. Raises NotAllowed."""
    who.require(Act.TEST_NOTIFICATIONS, instance)
    facts = NotificationFacts().model_copy(update=_named(who))
    _insert(tx, number_for(tx, instance), None, NotificationKind.TEST, facts, after_seconds=0.0)


def _named(who: Actor) -> dict[str, str]:
    return {"who": who.name, "who_kind": who.kind.value, "who_email": who.email}


def _others_wait_for_credentials(tx: Connection, number: int) -> bool:
    mine = select(imports.c.instance).where(imports.c.number == number).scalar_subquery()
    others = select(imports.c.number).where(
        imports.c.instance == mine,
        imports.c.number != number,
        imports.c.state == ImportState.PAUSED,
        imports.c.paused_by == PausedBy.ACCESS,
    )
    return tx.execute(others.limit(1)).first() is not None


def _facts_of(tx: Connection, number: int) -> NotificationFacts:
    kept = tx.execute(select(imports.c.findings).where(imports.c.number == number)).scalar_one()
    found = Findings.model_validate_json(kept) if kept else None
    waits = select(func.count()).where(
        rows.c.import_ == number, rows.c.state == RowState.UNKNOWN, rows.c.waits_for_person.is_(True)
    )
    counts = counts_of(tx, number)
    extra = select(func.count()).where(
        events.c.import_ == number, events.c.what.in_([EventKind.SECOND_BALANCE, EventKind.MADE_LATE])
    )
    return NotificationFacts(
        counts={state.value: n for state, n in sorted(counts.items())},
        waiting=tx.execute(waits).scalar_one() if counts.get(RowState.UNKNOWN) else 0,
        second_balances=tx.execute(extra).scalar_one(),
        findings=0 if found is None else len(found.twins) + len(found.missing) + len(found.unexpected),
        verified=found is None or found.checked,
    )


def _wants_a_person(facts: NotificationFacts) -> bool:
    needy = sum(facts.counts.get(state, 0) for state in (RowState.REFUSED, RowState.INVALID))
    return bool(needy or facts.waiting or facts.findings or facts.second_balances)


def _add_if_new(
    tx: Connection,
    number: int,
    kind: NotificationKind,
    facts: NotificationFacts,
    *,
    after_seconds: float = 0.0,
) -> None:
    """Unless the last notification about the import's end said the same."""
    last = tx.execute(
        select(notices.c.facts)
        .where(notices.c.import_ == number, notices.c.kind.in_(_OF_THE_END))
        .order_by(notices.c.id.desc())
        .limit(1)
    ).scalar()
    if last is None or NotificationFacts.model_validate_json(last) != facts:
        _add(tx, number, kind, facts, after_seconds=after_seconds)


def _add(
    tx: Connection,
    number: int,
    kind: NotificationKind,
    facts: NotificationFacts,
    *,
    after_seconds: float = 0.0,
) -> None:
    instance = tx.execute(select(imports.c.instance).where(imports.c.number == number)).scalar_one()
    _insert(tx, instance, number, kind, facts, after_seconds=after_seconds)


def _insert(
    tx: Connection,
    instance: int,
    number: int | None,
    kind: NotificationKind,
    facts: NotificationFacts,
    *,
    after_seconds: float,
) -> None:
    now = time.time()
    values = {"instance": instance, "import_": number, "kind": kind, "at": now, "facts": facts.stored()}
    tx.execute(insert(notices).values(**values, next_at=now + after_seconds))
