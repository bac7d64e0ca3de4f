"""Where the store lives. It remembers that, so that a copy which comes to life elsewhere sends nothing alone.

A copy knows nothing of what the desk that it was taken from has sent since, and that desk may still be at
work. With SQLite the place is the file and the machine, with Postgres the server and the database. A copy
that is put over the very file that it was made of is not noticed, nor is a machine that is copied as a whole.
"""

import hashlib
import time
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select, text
from sqlalchemy.exc import DBAPIError

from blnk_api.access.actors import Actor
from blnk_api.store.approvals import ending
from blnk_api.store.people import sessions
from blnk_api.store.sending import recovery, stops
from blnk_api.store.tables import home, tokens

_ADVISORY_KEY = 7316204
_MACHINE = Path("/etc/machine-id")
_SERVER = text("SELECT system_identifier FROM pg_control_system()")
_DATABASE = text("SELECT oid FROM pg_database WHERE datname = current_database()")


def settle(tx: Connection, *, who: Actor, reason: str, about_tokens: str) -> bool:
    """Whether it was found in another place than before: then all sending is stopped in this transaction.

    Call it before anything is claimed and before a sender is registered. `about_tokens` is added to the
    reason where the store holds renewed OAuth tokens.
    """
    if tx.dialect.name == "postgresql":  # two senders may begin at once
        tx.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_KEY})"))
    place = _place(tx)
    known = tx.execute(select(home.c.place)).scalar_one_or_none()
    if known == place:
        return False
    tx.execute(delete(home))
    tx.execute(insert(home).values(id=1, place=place, since=time.time()))
    if known is None:
        return False
    stop_all(tx, who=who, reason=reason, about_tokens=about_tokens)
    return True


def stop_all(tx: Connection, *, who: Actor, reason: str, about_tokens: str) -> int:
    """For a store that is older than Blnk, or a copy: nobody sends or is signed in, and no approval counts.
    How many imports had not finished."""
    has_tokens = tx.execute(select(tokens.c.connection_key).limit(1)).first() is not None
    stops.stop_restored(tx, who=who, reason=f"{reason} {about_tokens}" if has_tokens else reason)
    ending.void_all(tx, who=who, reason=reason)
    sessions.end_restored(tx, who=who)
    return recovery.restored(tx)


def forget(tx: Connection) -> None:
    """Of a store that was brought here on purpose: the next sender settles in it."""
    tx.execute(delete(home))


def _place(tx: Connection) -> str:
    if tx.dialect.name == "postgresql":
        server = ""
        with suppress(DBAPIError), tx.begin_nested():  # some hosts do not let everybody ask this
            server = tx.execute(_SERVER).scalar_one()
        return f"{server}:{tx.execute(_DATABASE).scalar_one()}"
    machine = ""
    with suppress(OSError):
        machine = hashlib.sha256(_MACHINE.read_bytes()).hexdigest()[:16]
    return f"{machine}:{Path(tx.engine.url.database or '').stat().st_ino}"
