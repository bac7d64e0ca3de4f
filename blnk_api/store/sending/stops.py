"""The switch that stops all sending, or sending to one instance: no row is claimed while a stop is in force.

Each use of the switch is stored permanently: who, when, and what. The newest one for a scope counts. Looking
up and verifying continue.
"""

import time
from dataclasses import dataclass

from sqlalchemy import Connection, Row, Select, and_, bindparam, exists, insert, or_, select, text

from blnk_api.access.actors import Actor
from blnk_api.access.acts import Act
from blnk_api.settings import Instance
from blnk_api.store.events import EventKind, note
from blnk_api.store.instance_numbers import instance_numbered
from blnk_api.store.people import desk_events, stored_actor
from blnk_api.store.people.desk_events import DeskEventKind
from blnk_api.store.states import ImportState, RowState
from blnk_api.store.tables import counts, imports, instances, stops

_ADVISORY_KEY = 7316203
_TO_SEND = (ImportState.QUEUED, ImportState.RUNNING, ImportState.PAUSED)


@dataclass(frozen=True)
class StopEvent:
    """One use of the switch. `instance` is None for the whole desk."""

    at: float
    who: Actor
    stopped: bool
    instance: Instance | None
    reason: str | None = None


_later = stops.alias("later")
_IS_NEWEST = ~exists().where(
    _later.c.id > stops.c.id,
    or_(_later.c.instance == stops.c.instance, and_(_later.c.instance.is_(None), stops.c.instance.is_(None))),
)
_IN_FORCE = and_(stops.c.stopped.is_(True), _IS_NEWEST)
_MAY_SEND = select(imports.c.number).where(
    imports.c.number == bindparam("number"),
    imports.c.state == ImportState.RUNNING,
    ~exists().where(_IN_FORCE, or_(stops.c.instance.is_(None), stops.c.instance == imports.c.instance)),
)
_INSTANCE_IS_STOPPED = (
    select(stops.c.id)
    .where(_IN_FORCE, or_(stops.c.instance.is_(None), stops.c.instance == bindparam("instance")))
    .limit(1)
)


def hold_back(tx: Connection, import_: int) -> bool:
    """Whether no row of an import may be claimed in this transaction: sending is stopped, or the import does
    not run. A stop, a pause and a cancellation wait for claims that are being committed, so that later claims
    see them, on either database."""
    if tx.dialect.name == "postgresql":
        # The second says to the database that this program knows leases: it refuses claims of others.
        tx.execute(
            text(
                f"SELECT pg_advisory_xact_lock_shared({_ADVISORY_KEY}), "
                "set_config('balance_desk.knows_leases', 'yes', true)"
            )
        )
    return tx.execute(_MAY_SEND, {"number": import_}).first() is None


def wait_for_claims(tx: Connection) -> None:
    """Until the end of this transaction nothing is claimed, so that the next claim sees what it writes. Comes
    first: whoever claims a row needs what others may hold."""
    if tx.dialect.name == "postgresql":
        tx.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_KEY})"))


def is_stopped(tx: Connection, instance: int) -> bool:
    return tx.execute(_INSTANCE_IS_STOPPED, {"instance": instance}).first() is not None


def stop(tx: Connection, instance: int | None, *, who: Actor) -> bool:
    """Stops this instance, or the whole desk. Returns whether this call stopped it."""
    who.require(Act.STOP_SENDING, _scope(tx, instance))
    return _press(tx, instance, who, stopped=True)


def stop_restored(tx: Connection, *, who: Actor, reason: str) -> None:
    """Stops the whole desk, regardless of earlier stops: a restored store's knowledge of Blnk is outdated."""
    who.require(Act.STOP_SENDING, None)
    _note_press(tx, None, who, stopped=True, reason=reason)


def start(tx: Connection, instance: int | None, *, who: Actor) -> bool:
    """Lifts a stop of exactly this scope. Returns whether there was one."""
    who.require(Act.START_SENDING, _scope(tx, instance))
    return _press(tx, instance, who, stopped=False)


def _scope(tx: Connection, instance: int | None) -> Instance | None:
    return None if instance is None else instance_numbered(tx, instance)


def _press(tx: Connection, instance: int | None, who: Actor, *, stopped: bool) -> bool:
    wait_for_claims(tx)
    scope = stops.c.instance.is_(None) if instance is None else stops.c.instance == instance
    is_now = tx.execute(select(stops.c.id).where(_IN_FORCE, scope)).first() is not None
    if is_now is stopped:
        return False
    _note_press(tx, instance, who, stopped=stopped)
    return True


def _note_press(
    tx: Connection, instance: int | None, who: Actor, *, stopped: bool, reason: str | None = None
) -> None:
    press = {"instance": instance, "stopped": stopped, "at": time.time(), "reason": reason}
    tx.execute(insert(stops).values(**press, **stored_actor.stored(who)))
    kind = DeskEventKind.SENDING_STOPPED if stopped else DeskEventKind.SENDING_STARTED
    desk_events.note(tx, who=who, what=kind, detail=_about(_scope(tx, instance), reason))
    waiting = select(imports.c.number).where(imports.c.state.in_(_TO_SEND))
    if instance is not None:
        waiting = waiting.where(imports.c.instance == instance)
    what = EventKind.SENDING_STOPPED if stopped else EventKind.SENDING_STARTED
    for number in tx.execute(waiting).scalars().all():
        note(tx, number, who=who, what=what)


def _about(instance: Instance | None, reason: str | None) -> str:
    scope = "" if instance is None else f"{instance.base_url}, instance {instance.instance_id}"
    return ". ".join(part for part in (scope, reason) if part)


_PRESSES = select(stops, instances.c.base_url, instances.c.instance_id, instances.c.environment).join(
    instances, stops.c.instance == instances.c.id, isouter=True
)


def in_force(tx: Connection) -> list[StopEvent]:
    """What is stopped now, with the whole desk first."""
    return _presses(tx, _PRESSES.where(_IN_FORCE).order_by(stops.c.instance.is_not(None), stops.c.id))


def holding(tx: Connection, instance: Instance | None) -> list[StopEvent]:
    """The stops that apply to this instance, or those of the whole desk if it is None."""
    return [one for one in in_force(tx) if one.instance in (None, instance)]


def last(tx: Connection, *, limit: int) -> list[StopEvent]:
    """The last uses of the switch, newest first."""
    return _presses(tx, _PRESSES.order_by(stops.c.id.desc()).limit(limit))


def _presses(tx: Connection, query: Select[tuple[object, ...]]) -> list[StopEvent]:
    return [
        StopEvent(one.at, stored_actor.read(one), one.stopped, _instance(one), one.reason)
        for one in tx.execute(query)
    ]


def _instance(one: Row[tuple[object, ...]]) -> Instance | None:
    if one.base_url is None:
        return None
    return Instance(one.base_url, one.instance_id, one.environment)


def on_their_way(tx: Connection, instance: int | None) -> int:
    """Rows that were claimed before a stop and have no outcome yet. Once there are none, nothing leaves
    anymore."""
    being_sent = select(counts.c.n).where(counts.c.state == RowState.SENDING, counts.c.n > 0)
    if instance is not None:
        being_sent = being_sent.join(imports, counts.c.import_ == imports.c.number).where(
            imports.c.instance == instance
        )
    return sum(tx.execute(being_sent).scalars())
