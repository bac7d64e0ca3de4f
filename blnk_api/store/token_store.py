"""Stores renewed OAuth tokens, encrypted, for all processes of this desk, with the lock for renewing."""

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock
from sqlalchemy import Engine, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from blnk_api.blnk.auth import KeptToken
from blnk_api.errors import ReadFailed
from blnk_api.store.tables import tokens

_POLL_SECONDS = 0.05
_END_IDLE = "SET LOCAL idle_in_transaction_session_timeout = '300s'"
"""Longer than any renewal takes."""


class TokenStore:
    """The store's table of tokens. Every method raises ReadFailed if the store does not answer."""

    def __init__(self, engine: Engine, locks_dir: Path) -> None:
        """`locks_dir` is used with SQLite only; Postgres has its own locks."""
        self._engine = engine
        self._locks_dir = locks_dir

    def read(self, key: str) -> KeptToken | None:
        query = select(tokens.c.descends_from, tokens.c.generation, tokens.c.sealed, tokens.c.expires_at)
        with _readable_errors(), self._engine.begin() as tx:
            row = tx.execute(query.where(tokens.c.connection_key == key)).first()
        return None if row is None else KeptToken(*row)

    def keep(self, key: str, kept: KeptToken) -> None:
        """Only under `lock`, so that nobody else can write between our read and our insert."""
        facts = {
            name: getattr(kept, name) for name in ("descends_from", "generation", "sealed", "expires_at")
        }
        change = update(tokens).where(tokens.c.connection_key == key).values(facts)
        with _readable_errors(), self._engine.connect().execution_options(immediate=True) as tx, tx.begin():
            if not tx.execute(change).rowcount:
                tx.execute(insert(tokens).values(connection_key=key, **facts))

    @contextmanager
    def lock(self, key: str, *, timeout_seconds: float) -> Iterator[None]:
        """Held by one thread of one process on this store at a time. Not a store transaction."""
        digest = hashlib.sha256(key.encode()).digest()
        sqlite = self._engine.dialect.name == "sqlite"
        lock = self._file_lock(digest, timeout_seconds) if sqlite else self._advisory(digest, timeout_seconds)
        with lock:
            yield

    @contextmanager
    def _file_lock(self, digest: bytes, timeout_seconds: float) -> Iterator[None]:
        with _readable_errors():
            self._locks_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = filelock.FileLock(self._locks_dir / f"token-{digest.hex()[:16]}.lock")
            try:
                lock.acquire(timeout=timeout_seconds, poll_interval=_POLL_SECONDS)
            except filelock.Timeout:
                raise _busy() from None
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def _advisory(self, digest: bytes, timeout_seconds: float) -> Iterator[None]:
        """A transaction's lock, which writes nothing: it falls free when this process dies, and a while after
        its machine stood still."""
        number = int.from_bytes(digest[:8], "big", signed=True)
        deadline = time.monotonic() + timeout_seconds
        with _readable_errors():
            connection = self._engine.connect()
        with connection:
            with _readable_errors():
                connection.exec_driver_sql(_END_IDLE)
                while not connection.scalar(select(func.pg_try_advisory_xact_lock(number))):
                    if time.monotonic() >= deadline:
                        raise _busy()
                    time.sleep(_POLL_SECONDS)
            try:
                yield
            finally:
                # A connection that broke meanwhile has already lost its lock.
                with suppress(SQLAlchemyError):
                    connection.rollback()


@contextmanager
def _readable_errors() -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, OSError):
        raise ReadFailed(
            "The tokens in the import database cannot be read or written at the moment."
        ) from None


def _busy() -> ReadFailed:
    return ReadFailed("Another process is renewing the access token and has not finished.")
