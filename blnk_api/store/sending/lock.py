"""The lock of a data folder: on SQLite only its holder posts balances. On Postgres `leases` say who may.

That its holder lives is said by the time of a file beside the database: a write each second would wake every
loop that waits for one, and the disk of a desk with nothing to do.
"""

import os
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import Connection

from blnk_api.store.database import Store, StoreUnavailable, file_at

_NETWORK_FILE_SYSTEMS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "ceph", "glusterfs"}

BEAT_FILE = "sender.beat"
MOVED = (
    "The data folder was moved or replaced while it was in use. Nothing more is sent. Put the folder back "
    "and restart: rows that were being sent are looked up in Blnk first."
)


class SenderLock:
    """The lock of a SQLite store. Acquired with `take`, held until `release` or the end of the process."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._path = str(store.folder / "sender.lock")
        self._file: FileLock | None = None
        self._locked: tuple[int, int] | None = None

    def is_held(self) -> bool:
        """Cheap enough to call before every claim and every POST."""
        return self._file is not None and self._is_in_place()

    def _is_in_place(self) -> bool:
        """Whether database and lock are still the same files: if the data folder was moved or replaced,
        another process may hold another lock and send the same rows."""
        return self._store.is_in_place() and file_at(self._path) == self._locked

    def release(self) -> None:
        if self._file is not None:
            self._file.release()
            self._file = None

    def take(self) -> bool:
        """Returns whether this process holds it now. Raises StoreUnavailable if locks are unreliable."""
        if _file_system_of(self._store.folder) in _NETWORK_FILE_SYSTEMS:
            raise StoreUnavailable(
                f"{self._store.folder} is on a network file system, whose locks cannot be trusted. Put the "
                "data folder on a local disk (BLNK_DATA_DIR), or use Postgres (BLNK_DATABASE_URL)."
            )
        if not self._store.is_in_place():
            raise StoreUnavailable(MOVED)
        lock = FileLock(self._path, timeout=0, thread_local=False)
        try:
            lock.acquire()
        except Timeout:
            return False
        except OSError as problem:
            raise StoreUnavailable(f"The sender's lock cannot be taken: {problem.strerror}.") from problem
        self._file, self._locked = lock, file_at(self._path)
        return True


def _file_system_of(folder: Path) -> str:
    """The type of a folder's file system, from the mount table, or "" if unknown."""
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


def beat(store: Store) -> None:
    """Says that the sender lives now. Raises OSError."""
    path = store.folder / BEAT_FILE
    with suppress(FileNotFoundError):
        os.utime(path)
        return
    path.touch(mode=0o600)


def heard_at(tx: Connection) -> float:
    """When it last did, in seconds since 1970. 0 where it never did, or says so in the database."""
    database = tx.engine.url.database
    if tx.dialect.name != "sqlite" or not database:
        return 0.0
    with suppress(OSError):
        return os.stat(os.path.join(os.path.dirname(os.path.abspath(database)), BEAT_FILE)).st_mtime
    return 0.0
