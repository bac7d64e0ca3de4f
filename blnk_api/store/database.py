"""Opens the store: a SQLite file, or a Postgres database; migrated before first use.

SQLite runs in WAL mode with synchronous=FULL, so that a committed intent survives a power cut. Every write
begins IMMEDIATE, so that two writers queue instead of failing halfway. A write should take under 100 ms: long
inserts are split into chunks.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock
from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from blnk_api.store import failures
from blnk_api.store.migrations import new_sqlite
from blnk_api.store.trail.chain import OPTION, Unlinked, seal

_MIGRATIONS = Path(__file__).parent / "migrations"
_BUSY_SECONDS = 10
IDLE_TRANSACTION_SECONDS = 10
"""After which Postgres ends a transaction that writes and is heard no more of: a machine that stands still
would keep its rows from whoever takes over."""
_END_IDLE = f"SET LOCAL idle_in_transaction_session_timeout = '{IDLE_TRANSACTION_SECONDS}s'"


class StoreUnavailable(Exception):
    """The store cannot be opened, read or written. Nothing was sent because of it.

    `may_pass`: the disk or the database server is unavailable, and waiting may help.
    """

    def __init__(self, message: str, *, may_pass: bool = False) -> None:
        super().__init__(message)
        self.may_pass = may_pass


class LaterVersion(StoreUnavailable):
    """A newer version has changed the store, so this version does not touch it."""


_LATER_VERSION = (
    "The import database was written by a later version of Balance Desk. Nothing was sent. Use that version "
    "or a newer one."
)


# Sizes in KiB and in pages of the WAL. A larger WAL is copied back less often, and both change the
# same pages repeatedly.
_FOR_SENDING = ("synchronous=FULL", "cache_size=-32000", "wal_autocheckpoint=8000")
_FOR_DRAFTS = ("synchronous=NORMAL", "cache_size=-128000", "wal_autocheckpoint=32000")


class Store:
    """The import database: imports, rows, attempts and events. Safe to share between threads."""

    def __init__(self, url: str, *, for_drafts: bool = False) -> None:
        """`for_drafts`: for a process that writes a million rows none of which was sent.

        After a power cut the last of them may be missing, and are read from the file again. Later writes by
        others, such as a person's confirmation, reach the disk only together with them, because they share
        the WAL.
        """
        self._file: tuple[int, int] | None = None
        self.url = make_url(url)
        self._path = self.url.database or ""
        self._head: str | None = None
        self._versions: set[str] = set()
        """The versions of the schema that this program knows, once `migrate` has read them."""
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.engine = _sqlite(url, _FOR_DRAFTS if for_drafts else _FOR_SENDING)
            event.listen(self.engine, "connect", self._remember_file)
        else:
            self.engine = _postgres(self.url, pool_pre_ping=True)

    @property
    def folder(self) -> Path:
        """The folder of a SQLite store, which also contains its locks."""
        return Path(self.url.database or "").absolute().parent

    def is_in_place(self) -> bool:
        """Whether its file is still the one that was opened first. A SQLite database that was moved or
        replaced would be written where nobody looks for it."""
        return self._file is None or self._file == file_at(self._path)

    def _remember_file(self, *_: object) -> None:
        self._file = self._file or file_at(self._path)

    def own_engine(self) -> Engine:
        """One connection beside all others, for Postgres; each statement is a transaction."""
        return _postgres(self.url, pool_size=1, max_overflow=0, isolation_level="AUTOCOMMIT")

    def migrate(self) -> None:
        """Brings the schema up to this version, once for all processes. Raises StoreUnavailable."""
        try:
            if self.is_sqlite:
                with FileLock(self.folder / "migrate.lock", timeout=60):
                    self._migrate()
            else:
                self._migrate()
        except (SQLAlchemyError, OSError) as problem:
            message = f"The import database cannot be opened: {_first_line(problem)}"
            raise StoreUnavailable(message, may_pass=failures.may_pass(problem)) from problem

    def _migrate(self) -> None:
        self._versions = {path.name[1:5] for path in (_MIGRATIONS / "versions").glob("v[0-9]*.py")}
        self._head = max(self._versions)
        at = self._found_version()
        if at == self._head:
            return
        if at is not None and at not in self._versions:
            raise LaterVersion(_LATER_VERSION)
        if at is None and self.is_sqlite:
            with self.write() as tx:
                is_made = new_sqlite.make(tx)
            if is_made and self._found_version() == self._head:
                return
        self._upgrade()

    def _upgrade(self) -> None:
        # Imported here: it takes as long to load as everything else, and most processes never need it.
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        with self.write() as tx:
            if not self.is_sqlite:
                tx.exec_driver_sql("SELECT pg_advisory_xact_lock(7316202)")
            config.attributes["connection"] = tx
            command.upgrade(config, "head")

    def _found_version(self) -> str | None:
        """Of the schema that is there; None where there is none yet."""
        with self.read() as tx:
            return _version(tx) if inspect(tx).has_table("alembic_version") else None

    def refuse_later(self, tx: Connection) -> None:
        """Raises StoreUnavailable if a newer version has changed the database since it was opened."""
        at = _version(tx)
        if at is not None and self._versions and at not in self._versions:
            raise LaterVersion(_LATER_VERSION)

    def is_current(self, tx: Connection) -> bool:
        """Whether the schema is the one of this program, once `migrate` has been called."""
        return _version(tx) == self._head

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent read transaction. Long reads are paged by key."""
        with self.engine.begin() as tx:
            yield tx

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Like `read`, as of a single moment. With SQLite every read is."""
        options = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        with self.engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction. Its events are linked to the audit trail at the end. If this raises, nobody may
        rely on what was written in it."""
        unlinked = Unlinked()
        options = {"immediate": True, OPTION: unlinked}
        with self.engine.connect().execution_options(**options) as connection, connection.begin():
            if not self.is_sqlite:
                connection.exec_driver_sql(_END_IDLE)
            yield connection
            seal(connection, unlinked)

    def close(self) -> None:
        self.engine.dispose()


def _version(tx: Connection) -> str | None:
    return tx.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one_or_none()


def file_at(path: str) -> tuple[int, int] | None:
    """The identity of the file at this path, as device and inode, or None if there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _postgres(url: URL, **options: Any) -> Engine:
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        hide_parameters=True,
        connect_args={
            "connect_timeout": 5,
            # A server that vanished without a word is noticed within twenty seconds.
            **{"keepalives_idle": 5, "keepalives_interval": 3, "keepalives_count": 4},
            "tcp_user_timeout": 15_000,
        },
        **options,
    )
    event.listen(engine, "connect", _keep_nothing_in_a_shared_session)
    return engine


def _keep_nothing_in_a_shared_session(connection: Any, _record: Any) -> None:
    """A pooler such as pgbouncer may give each transaction another session, which knows no statement that was
    prepared before. It shows by the session's number, which it makes up when it lets someone in."""
    (session,) = connection.execute("SELECT pg_backend_pid()").fetchone()
    if session != connection.info.backend_pid:
        connection.prepare_threshold = None
    connection.rollback()


def _sqlite(url: str, pragmas: Sequence[str]) -> Engine:
    engine = create_engine(
        url,
        hide_parameters=True,  # an error's text would carry rows and encrypted tokens into a log
        connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we issue BEGIN ourselves, below
        connection.create_function("sha256", 1, _sha256, deterministic=True)  # Postgres has it built in
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "foreign_keys=ON", *pragmas):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        immediate = connection.get_execution_options().get("immediate", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


def _sha256(given: bytes | None) -> bytes | None:
    return None if given is None else hashlib.sha256(given).digest()


def _first_line(problem: Exception) -> str:
    original = getattr(problem, "orig", None) or problem
    return str(original).strip().split("\n", 1)[0]
