"""Leases: on Postgres, whoever holds the lease of an instance sends to it, and nobody else does.

A lease is a row that its holder beats once a second. Whoever is not heard from for `seconds` (10) may be
gone or suspended: then another takes it over. All times in the row are the database's own. Why two never
send at the same time:

- `is_held`: the holder trusts its lease for half of `seconds` (5), counted from *before* the beat was sent,
  on a clock that counts suspend and that jumps ahead when the wall clock moves against it (`boot_clock`). The
  database dates the beat later than that, and another takes over `seconds` after that date. So between the
  last POST that leaves and the first one of a successor are 5 seconds or more, for as long as the database's
  clock is not set ahead by 5 seconds within 10.
- `require`: whatever the sender decides is written in a transaction that first locks the lease's row for
  sharing, with the holder's token. A successor waits for that transaction, and after it the token is another.
  Only the outcome of a POST is written without it, because its moves are guarded by its claim.
- A transaction of a suspended machine would keep the row locked: Postgres ends it after
  `IDLE_TRANSACTION_SECONDS` (`store.database`), and whoever waits for the lease does so too.
- A row that was claimed before is SENDING. The successor marks it in doubt and looks it up, after a settle
  time of 10 seconds or more: a claim leaves within 5 seconds, or never.

What remains: a machine that is suspended between reading this clock and the first byte of a POST, which no
clock can reveal afterwards. Its row is looked up again for a day (`late_lookups`), and a second balance
is named.

On SQLite there are no leases: the lock of the data folder (`lock`) is the lease of every instance.
"""

import secrets
import threading
from contextlib import suppress
from types import TracebackType
from typing import Protocol, Self

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from blnk_api.blnk.boot_clock import boottime
from blnk_api.settings import Instance
from blnk_api.store import failures
from blnk_api.store.database import Store, StoreUnavailable
from blnk_api.store.sending.lock import SenderLock

DESK = 0
"""Used instead of an instance's number for what one process does for all of them, such as receipts and
notifications."""

_BEATS = 10
"""How many beats fit into the time after which a lease is taken over."""
_LOCK_SECONDS = 1
"""How long taking a lease waits for a transaction that a suspended machine has left open."""

_LOCK_NOT_AVAILABLE = "55P03"

_NOW = "extract(epoch FROM clock_timestamp())::float8"
_TAKE = text(
    "INSERT INTO leases AS held (instance, token, seconds, since, beat_at) "
    f"VALUES (:instance, :token, :seconds, {_NOW}, {_NOW}) ON CONFLICT (instance) DO UPDATE "
    f"SET token = excluded.token, seconds = excluded.seconds, since = {_NOW}, beat_at = {_NOW} "
    f"WHERE held.token = '' OR held.beat_at + held.seconds < {_NOW} RETURNING token"
)
_BEAT = text(f"UPDATE leases SET beat_at = {_NOW} WHERE token = ANY(:tokens) RETURNING token")
_RELEASE = text("UPDATE leases SET token = '' WHERE token = :token")
_REQUIRE = text("SELECT 1 FROM leases WHERE instance = :instance AND token = :token FOR SHARE")
_END_IDLE = text(
    "SELECT pg_terminate_backend(held.pid) FROM pg_stat_activity AS held "
    "WHERE datname = current_database() AND usename = current_user "
    "AND (state = 'idle in transaction' OR state = 'active' AND wait_event_type = 'Client') "
    "AND state_change < clock_timestamp() - make_interval(secs => :seconds) AND EXISTS (SELECT FROM pg_locks "
    "WHERE pg_locks.pid = held.pid AND (relation = 'leases'::regclass AND mode = 'RowShareLock' "
    "OR relation = ANY(ARRAY['rows', 'imports', 'counts']::regclass[]) AND mode = 'RowExclusiveLock'))"
)
_OTHER_VERSION_SENDS = text(
    "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND mode = 'ExclusiveLock' "
    "AND classid = 0 AND objid = 7316201 AND objsubid = 1 "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
"""Whether a version without leases holds its lock, which no session of ours takes."""


_LATELY_SECONDS = 60.0
_SERVED_LATELY = text(
    "SELECT base_url, instance_id, environment FROM leases JOIN instances ON instances.id = leases.instance "
    f"WHERE leases.beat_at > {_NOW} - {_LATELY_SECONDS}"
)


_HELD_NOW = text(f"SELECT instance FROM leases WHERE token <> '' AND beat_at + seconds > {_NOW}")


def held_now(tx: Connection) -> set[int]:
    """The instances that some process sends to, as far as their leases tell. On Postgres."""
    return set(tx.execute(_HELD_NOW).scalars())


def served_lately(tx: Connection) -> set[Instance]:
    """Instances that some sender has had credentials for within the last minute."""
    return {Instance(*one) for one in tx.execute(_SERVED_LATELY)} if tx.dialect.name != "sqlite" else set()


class LeaseLost(Exception):
    """Another process sends to this instance now: this one decides and sends nothing more."""


class Lease(Protocol):
    """The right to send to one instance, and to decide about its rows."""

    @property
    def instance(self) -> int: ...

    def is_held(self) -> bool:
        """Whether a POST may leave now. Cheap: does not ask the database. If it is False, a late beat may
        make it True again, unless it `is_lost`."""

    @property
    def is_lost(self) -> bool:
        """Another process has taken it over, or may have: it is never held again."""

    def require(self, tx: Connection) -> None:
        """Call it in a transaction that decides about the instance's rows: nobody can take the lease before
        its end. Raises LeaseLost."""

    def release(self) -> None: ...


class Leases:
    """The leases of this process, acquired with `take` and renewed by a thread until they are released."""

    def __init__(self, store: Store, *, seconds: float) -> None:
        self._store = store
        self._seconds = seconds
        self._silent_seconds = seconds * 0.8
        """What has been open for this long is ended: it may have begun a moment after the last heartbeat."""
        self._file = SenderLock(store)
        self._held: dict[str, _RowLease] = {}
        self._changing = threading.Lock()
        self._beats: threading.Thread | None = None
        self._is_closed = threading.Event()
        self._other_version_until: float | None = None

    def take(self, instance: int) -> Lease | None:
        """Returns None while another process has it. May wait for the database. Raises StoreUnavailable."""
        if self._store.is_sqlite:
            return _FileLease(instance, self._file) if self._file.is_held() or self._file.take() else None
        if self._waits_for_other_version():
            return None
        lease = _RowLease(self, instance, secrets.token_hex(8))
        asked = {"instance": instance, "token": lease.token, "seconds": self._seconds}
        sent_at = boottime()
        try:
            with self._store.write() as tx:
                tx.exec_driver_sql(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'")
                if tx.execute(_TAKE, asked).first() is None:
                    return None
                tx.execute(_END_IDLE, {"seconds": self._silent_seconds})
        except OperationalError as problem:
            if getattr(problem.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
                self._end_idle()
                return None
            raise StoreUnavailable(failures.explain(problem), may_pass=True) from problem
        lease.held_until = sent_at + self._seconds / 2
        with self._changing:
            self._held[lease.token] = lease
            if self._beats is None:
                self._beats = threading.Thread(target=self._beat_for_ever, daemon=True, name="leases")
                self._beats.start()
        return lease

    def release_all(self) -> None:
        for lease in list(self._held.values()):
            lease.release()
        self._file.release()

    def close(self) -> None:
        self.release_all()
        self._is_closed.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _end_idle(self) -> None:
        """What a sender that stands still was writing: it would keep its rows from whoever takes over.
        Postgres has a timer for that, which does not run in the middle of several statements that a driver
        sends at once, or of a long answer: the session is active then, and waits for its client."""
        with suppress(SQLAlchemyError, OSError), self._store.write() as tx:
            tx.execute(_END_IDLE, {"seconds": self._silent_seconds})

    def _waits_for_other_version(self) -> bool:
        """It has been unable to claim since the schema is ours, and its earlier claims leave in a moment or
        never. So a suspended one is waited for no longer than a lease lasts."""
        try:
            with self._store.read() as tx:
                if tx.execute(_OTHER_VERSION_SENDS).first() is None:
                    self._other_version_until = None
                    return False
        except SQLAlchemyError as problem:
            raise StoreUnavailable(failures.explain(problem), may_pass=True) from problem
        if self._other_version_until is None:
            self._other_version_until = boottime() + self._seconds
        return boottime() < self._other_version_until

    def _beat_for_ever(self) -> None:
        engine = self._store.own_engine()
        while not self._is_closed.wait(self._seconds / _BEATS):
            with suppress(SQLAlchemyError, OSError):
                self._beat(engine)
        engine.dispose()

    def _beat(self, engine: Engine) -> None:
        with self._changing:
            held = dict(self._held)
        if not held:
            return
        sent_at = boottime()
        with engine.connect() as connection:
            ours = set(connection.execute(_BEAT, {"tokens": list(held)}).scalars())
        for token, lease in held.items():
            if token in ours:
                lease.held_until = sent_at + self._seconds / 2
            else:
                lease.is_lost = True
                self._forget(token)

    def _release(self, lease: "_RowLease") -> None:
        lease.held_until = float("-inf")
        if self._forget(lease.token):
            with suppress(SQLAlchemyError, OSError), self._store.write() as tx:
                tx.execute(_RELEASE, {"token": lease.token})
        lease.is_lost = True

    def _forget(self, token: str) -> bool:
        with self._changing:
            return self._held.pop(token, None) is not None


class _RowLease:
    """A lease on Postgres."""

    def __init__(self, leases: Leases, instance: int, token: str) -> None:
        self.instance = instance
        self.token = token
        self.held_until = float("-inf")
        """By `boottime`, at the last beat that the database confirmed."""
        self.is_lost = False
        self._leases = leases

    def is_held(self) -> bool:
        return not self.is_lost and boottime() < self.held_until

    def require(self, tx: Connection) -> None:
        if tx.execute(_REQUIRE, {"instance": self.instance, "token": self.token}).first() is None:
            self.is_lost = True
            raise LeaseLost

    def release(self) -> None:
        self._leases._release(self)


class _FileLease:
    """A lease on SQLite: for every instance it is the lock of the data folder, which ends only with its
    process."""

    def __init__(self, instance: int, file: SenderLock) -> None:
        self.instance = instance
        self._file = file

    def is_held(self) -> bool:
        return self._file.is_held()

    @property
    def is_lost(self) -> bool:
        return not self._file.is_held()

    def require(self, tx: Connection) -> None:
        """Does nothing: the lock ends with this process, and cannot be lost before."""

    def release(self) -> None:
        """Does nothing: `Leases.release_all` releases the folder."""
