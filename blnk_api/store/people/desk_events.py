"""What people did that belongs to no import: lists that they downloaded. Only ever added to."""

import time
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from blnk_api.access.actors import Actor
from blnk_api.store.people import stored_actor
from blnk_api.store.tables import desk_events
from blnk_api.store.trail import chain, hashes
from blnk_api.store.trail.chain import Entry


@dataclass(frozen=True)
class DeskEvent:
    at: float
    who: Actor
    what: str
    """As it stands in the database: `DOWNLOADED`."""
    detail: str
    """Which list, by the name of its file."""


DOWNLOADED = "downloaded"


def note(tx: Connection, *, who: Actor, what: str, detail: str) -> None:
    at, by = time.time(), stored_actor.stored(who)
    facts = {"at": at, "what": what, "detail": detail, "form": hashes.FORM}
    id = tx.execute(insert(desk_events).values(**facts, **by).returning(desk_events.c.id)).scalar_one()
    digest = hashes.of_event(hashes.FORM, id, None, at, tuple(by.values()), what, detail)
    chain.add(tx, chain.DESK, Entry(id, None, digest))


def last(tx: Connection, *, limit: int) -> list[DeskEvent]:
    """The last ones, newest first."""
    columns = (
        desk_events.c.at,
        desk_events.c.what,
        desk_events.c.detail,
        *stored_actor.selected(desk_events),
    )
    found = tx.execute(select(*columns).order_by(desk_events.c.id.desc()).limit(limit))
    return [DeskEvent(one.at, stored_actor.read(one), one.what, one.detail) for one in found]
