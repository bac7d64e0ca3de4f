"""Who is sending right now, for pages and the command line, and what was learned about each instance's
pace."""

import os
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    Float,
    cast,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)

from blnk_api.store import instance_numbers
from blnk_api.store.sending import lock
from blnk_api.store.sending.leases import served_lately
from blnk_api.store.tables import instances, senders

WORKER = "worker"
"""How one of several workers is named as the owner: it takes jobs from the queue."""
COMMAND_LINE = "command line"
"""The owner's name for a command line, which sends only its own import."""

BEAT_SECONDS = 1.0
STALE_SECONDS = 5.0
"""A sender without a heartbeat for this long is gone, or does not respond."""


@dataclass(frozen=True)
class Sender:
    """`owner` is whichever app or command line started it; `serves` are the instances it sends to, and
    `reaches` those it could send to, where it is one of several workers."""

    token: str
    owner: str
    host: str
    pid: int
    since: float
    serves: frozenset[int]
    reaches: frozenset[int] = frozenset()


_FORGOTTEN_SECONDS = 60.0


def register(tx: Connection, *, token: str, owner: str) -> None:
    """On SQLite, call it while holding the lock: it replaces the previous sender's row."""
    now = _now(tx)
    gone = delete(senders)
    tx.execute(gone if _is_sqlite(tx) else gone.where(senders.c.beat_at < now - _FORGOTTEN_SECONDS))
    tx.execute(
        insert(senders).values(
            **{"token": token, "owner": owner, "host": socket.gethostname(), "pid": os.getpid()},
            **{"since": now, "beat_at": now, "serves": "[]"},
        )
    )


def last_heard(tx: Connection) -> tuple[float, float] | None:
    """Since when the sender runs that was heard last, and when that was, in seconds since 1970."""
    last = tx.execute(select(senders.c.since, senders.c.beat_at).order_by(senders.c.beat_at.desc())).first()
    return (last.since, max(last.beat_at, lock.heard_at(tx))) if last else None


def beat(tx: Connection, *, token: str, serves: Sequence[int], reaches: Sequence[int] | None = None) -> None:
    tx.execute(
        update(senders)
        .where(senders.c.token == token)
        .values(
            beat_at=_now(tx),
            serves=orjson.dumps(sorted(serves)).decode(),
            reaches=None if reaches is None else orjson.dumps(sorted(reaches)).decode(),
        )
    )


def resign(tx: Connection, *, token: str) -> None:
    tx.execute(delete(senders).where(senders.c.token == token))


def at_work(tx: Connection) -> list[Sender]:
    """Senders with a recent heartbeat, oldest first. On SQLite at most one; on Postgres some may be
    waiting."""
    heard = select(senders).order_by(senders.c.since)
    if lock.heard_at(tx) < time.time() - STALE_SECONDS:
        heard = heard.where(senders.c.beat_at >= _now(tx) - STALE_SECONDS)
    return [
        Sender(
            one.token,
            one.owner,
            one.host,
            one.pid,
            one.since,
            frozenset(orjson.loads(one.serves)),
            frozenset(orjson.loads(one.reaches or "[]")),
        )
        for one in tx.execute(heard)
    ]


def current(tx: Connection) -> Sender | None:
    """Any of them."""
    return next(iter(at_work(tx)), None)


def of_instance(tx: Connection, instance: int) -> Sender | None:
    """The sender of this instance, if there is one."""
    return next((one for one in at_work(tx) if instance in one.serves), None)


def _is_sqlite(tx: Connection) -> bool:
    return tx.dialect.name == "sqlite"


def _now(tx: Connection) -> ColumnElement[float]:
    """The database's clock, because senders on several machines may have different ones."""
    if _is_sqlite(tx):
        return literal(time.time(), Float)
    return cast(func.extract("epoch", func.clock_timestamp()), Double)


@dataclass(frozen=True)
class LearnedPace:
    """What was learned from an instance's 429s and outages, so that a restart does not forget it. Times are
    wall time."""

    per_minute: float | None
    not_before: float | None
    breaker: Mapping[str, str] | None
    """Why it is open, and its state."""
    pages_read_at: float | None
    breaker_since: float | None = None
    """When Blnk stopped answering properly. Earlier versions did not store it."""


def learned(tx: Connection, instance: int) -> LearnedPace:
    one = tx.execute(select(instances).where(instances.c.id == instance)).one()
    breaker = orjson.loads(one.breaker) if one.breaker else None
    since = breaker.pop("since", None) if breaker else None
    return LearnedPace(one.learned_per_minute, one.not_before, breaker, one.pages_read_at, since)


def remember_learned(
    tx: Connection,
    instance: int,
    *,
    per_minute: float | None,
    not_before: float | None,
    breaker: Mapping[str, str | float] | None,
) -> None:
    tx.execute(
        update(instances)
        .where(instances.c.id == instance)
        .values(
            learned_per_minute=per_minute,
            not_before=not_before,
            breaker=orjson.dumps(breaker).decode() if breaker else None,
        )
    )


def remember_settle(tx: Connection, instance: int, seconds: float) -> None:
    """Stores how long a row in doubt settles at this instance, because pages too may call rows not
    created."""
    tx.execute(update(instances).where(instances.c.id == instance).values(settle_seconds=seconds))


def pages_read(tx: Connection, instance: int) -> None:
    """Records that a page reads from Blnk: a tenth of the pace is then reserved for pages for a minute."""
    tx.execute(update(instances).where(instances.c.id == instance).values(pages_read_at=time.time()))


_STARTING_SECONDS = 10.0


class SenderIs(Enum):
    OURS = "ours"
    ANOTHERS = "another's"
    """Another app or command line on the same data is sending."""
    STARTING = "starting"
    GONE = "gone"


@dataclass(frozen=True)
class Sending:
    """Who sends at this moment, and which instances it sends to, or may in a moment."""

    is_: SenderIs
    host: str = ""
    pid: int = 0
    serves: frozenset[int] = frozenset()


def who_sends(tx: Connection, instance: int | None, *, owner: str, started_at: float) -> Sending:
    """To an instance; where nobody does, or none is meant, whoever might. `owner` and `started_at` are this
    app's: an app that has just started gets a moment to begin, and so has whoever takes an instance over."""
    found = at_work(tx)
    found.sort(key=lambda one: (instance not in one.serves, one.owner != owner))
    if not found:
        is_starting = time.time() - started_at < _STARTING_SECONDS
        return Sending(SenderIs.STARTING if is_starting else SenderIs.GONE)
    now = found[0]
    sends_to = now.serves | now.reaches
    if instance is not None and instance not in sends_to and _is_taken_over(tx, instance):
        return Sending(SenderIs.STARTING)
    is_ = SenderIs.OURS if now.owner == owner else SenderIs.ANOTHERS
    return Sending(is_, now.host, now.pid, sends_to)


def _is_taken_over(tx: Connection, instance: int) -> bool:
    return instance_numbers.instance_numbered(tx, instance) in served_lately(tx)
