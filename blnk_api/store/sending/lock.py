"""The sender's lock: only its holder posts balances. It lives where the store lives."""

import time
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from blnk_api.store import failures
from blnk_api.store.database import Store, StoreUnavailable, file_at

_ADVISORY_KEY = 7316201
_CHECK_SECONDS = 1.0
_NETWORK_FILE_SYSTEMS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "ceph", "glusterfs"}


MOVED = (
    "The data folder was moved or replaced while it was in use. Nothing more is sent. Put the folder back "
    "and restart: rows that were being sent are looked up in Blnk first."
)


class SenderLock:
    """Taken with `take`, kept until `release` or the process's end. On Postgres it can be lost: `is_held`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._file: FileLock | None = None
        self._connection: Connection | None = None
        self._checked_at = 0.0
        self._locked: tuple[int, int] | None = None

    def take(self) -> bool:
        """Whether this process holds it now. Raises JournalUnavailable where locks cannot be trusted."""
        return self._take_file() if self._store.is_sqlite else self._take_advisory()

    def is_held(self) -> bool:
        """Cheap enough to ask before every claim: the database is asked once a second."""
        if self._file is not None:
            return self._file.is_locked and self._is_in_place()
        if self._connection is None:
            return False
        now = time.monotonic()
        if now - self._checked_at > _CHECK_SECONDS:
            try:
                self._connection.execute(text("SELECT 1"))
            except SQLAlchemyError:
                self.release()
                return False
            self._checked_at = now
        return True

    def _is_in_place(self) -> bool:
        """Whether database and lock are the files that they were: in a data folder that was moved or replaced
        another process may hold a lock of its own and send the same rows."""
        return self._store.is_in_place() and file_at(self._path) == self._locked

    @property
    def _path(self) -> Path:
        return self._store.folder / "sender.lock"

    def release(self) -> None:
        if self._file is not None:
            self._file.release()
            self._file = None
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _take_file(self) -> bool:
        if _file_system_of(self._store.folder) in _NETWORK_FILE_SYSTEMS:
            raise StoreUnavailable(
                f"{self._store.folder} is on a network file system, whose locks cannot be trusted. Put the "
                "data folder on a local disk (BLNK_DATA_DIR), or use Postgres (BLNK_DATABASE_URL)."
            )
        if not self._store.is_in_place():
            raise StoreUnavailable(MOVED)
        lock = FileLock(self._path, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            return False
        except OSError as problem:
            raise StoreUnavailable(f"The sender's lock cannot be taken: {problem.strerror}.") from problem
        self._file, self._locked = lock, file_at(self._path)
        return True

    def _take_advisory(self) -> bool:
        # Its own connection, outside every transaction: the lock lives exactly as long as this session.
        try:
            connection = self._store.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        except SQLAlchemyError as problem:
            raise StoreUnavailable(failures.explain(problem), may_pass=True) from problem
        try:
            taken = connection.execute(text(f"SELECT pg_try_advisory_lock({_ADVISORY_KEY})")).scalar_one()
        except SQLAlchemyError as problem:
            connection.close()
            raise StoreUnavailable(failures.explain(problem), may_pass=True) from problem
        if not taken:
            connection.close()
            return False
        self._connection = connection
        return True


def _file_system_of(folder: Path) -> str:
    """The type of the file system that a folder is on, from the mount table; "" where there is none."""
    try:
        mounts = Path("/proc/mounts").read_text().splitlines()
    except OSError:
        return ""
    best, kind = "", ""
    for mount in mounts:
        _, point, type_, *_ = mount.split(" ")
        point = point.replace("\\040", " ")
        if folder.is_relative_to(point) and len(point) >= len(best):
            best, kind = point, type_
    return kind
