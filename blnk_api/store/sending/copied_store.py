"""Remembers where the store is, so that a copy that is started elsewhere sends nothing by itself.

A copy does not know what the original desk has sent since, and the original may still be running. With SQLite
the place is the file and the machine, with Postgres the server and the database. A copy that replaces the
original file is not noticed, nor is a copy of a whole machine.
"""

import hashlib
import time
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select, text
from sqlalchemy.exc import DBAPIError

from blnk_api.access.actors import Actor
from blnk_api.store.approvals import ended_without_approval
from blnk_api.store.people import sessions
from blnk_api.store.sending import recovery, stops
from blnk_api.store.tables import home, tokens

_ADVISORY_KEY = 7316204
_MACHINE = Path("/etc/machine-id")
_SERVER = text("SELECT system_identifier FROM pg_control_system()")
_DATABASE = text("SELECT oid FROM pg_database WHERE datname = current_database()")


def settle(tx: Connection, *, who: Actor, reason: str, about_tokens: str) -> bool:
    """Returns whether the store was found in a new place; all sending is then stopped in this transaction.

    Call it before anything is claimed and before a sender is registered. `about_tokens` is added to the
    reason if the store contains renewed OAuth tokens.
    """
    if tx.dialect.name == "postgresql":  # two senders may start at the same time
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
    """For a store that is older than Blnk's data, or a copy: stops sending, ends sessions, voids approvals.
    Returns how many imports had not finished."""
    has_tokens = tx.execute(select(tokens.c.connection_key).limit(1)).first() is not None
    stops.stop_restored(tx, who=who, reason=f"{reason} {about_tokens}" if has_tokens else reason)
    ended_without_approval.void_all(tx, who=who, reason=reason)
    sessions.end_restored(tx, who=who)
    return recovery.restored(tx)


def forget(tx: Connection) -> None:
    """For a store that was moved on purpose: the next sender accepts its place."""
    tx.execute(delete(home))


def _place(tx: Connection) -> str:
    if tx.dialect.name == "postgresql":
        server = ""
        with suppress(DBAPIError), tx.begin_nested():  # some hosts do not allow everyone to read this
            server = tx.execute(_SERVER).scalar_one()
        return f"{server}:{tx.execute(_DATABASE).scalar_one()}"
    machine = ""
    with suppress(OSError):
        machine = hashlib.sha256(_MACHINE.read_bytes()).hexdigest()[:16]
    return f"{machine}:{Path(tx.engine.url.database or '').stat().st_ino}"
