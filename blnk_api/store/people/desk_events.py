"""Events that belong to no import: sign-ins, downloads of lists, stops, settings. They are only ever
added."""

import time
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, insert, select

from blnk_api.access.actors import Actor
from blnk_api.store.people import stored_actor
from blnk_api.store.tables import desk_events
from blnk_api.store.trail import chain, hashes
from blnk_api.store.trail.chain import Entry


class DeskEventKind(StrEnum):
    """The values are stored in the database. The comments say what the detail contains."""

    DOWNLOADED = "downloaded"
    """A list: the name of its file."""
    SIGNED_IN = "signed in"
    """The provider."""
    SIGNED_OUT = "signed out"
    SESSION_REPLACED = "session replaced"
    """The same browser signed in again."""
    SESSION_ENDED = "session ended"
    """By someone else: whose session it was."""
    SESSIONS_ENDED = "sessions ended"
    """All sessions, by a restore."""
    SENDING_STOPPED = "sending stopped"
    """The instance and the reason. Empty: all instances."""
    SENDING_STARTED = "sending started"
    SETTINGS_SEEN = "settings seen"
    """JSON of what the sender read in the secrets file, without any secret: see `worker/settings_seen`."""


@dataclass(frozen=True)
class DeskEvent:
    """`what` is a DeskEventKind, or a kind of another version."""

    at: float
    who: Actor
    what: str
    detail: str


def note(tx: Connection, *, who: Actor, what: DeskEventKind, detail: str = "") -> None:
    """Writes an event. The trail links it when `tx` commits."""
    at, by = time.time(), stored_actor.stored(who)
    facts = {"at": at, "what": what, "detail": detail, "form": hashes.FORM}
    id = tx.execute(insert(desk_events).values(**facts, **by).returning(desk_events.c.id)).scalar_one()
    digest = hashes.of_event(hashes.FORM, id, None, at, tuple(by.values()), what, detail)
    chain.add(tx, chain.DESK, Entry(id, None, digest))


def last(tx: Connection, kind: DeskEventKind, *, limit: int) -> list[DeskEvent]:
    """The last events of a kind, newest first."""
    columns = (
        desk_events.c.at,
        desk_events.c.what,
        desk_events.c.detail,
        *stored_actor.selected(desk_events),
    )
    mine = select(*columns).where(desk_events.c.what == kind).order_by(desk_events.c.id.desc())
    found = tx.execute(mine.limit(limit))
    return [DeskEvent(one.at, stored_actor.read(one), one.what, one.detail) for one in found]
