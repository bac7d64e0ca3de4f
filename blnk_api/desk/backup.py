"""Backs up a running desk into one file: import database, uploaded files, saved results, key.

The database is copied first, as of one moment, and the files after it. A file is written before the database
names it, so everything that the copy names exists, unless it was deleted meanwhile. With Postgres all of this
is in the database, which Postgres' own tool dumps.
"""

import hashlib
import io
import os
import sqlite3
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import IO, TypedDict

import orjson

from blnk_api import __version__
from blnk_api.settings import Settings
from blnk_api.store import Store

ABOUT, SUMS, DATABASE, LINKS_KEY = "balance-desk-backup.json", "SHA256SUMS", "journal.db", "links.key"
FOLDERS = ("uploads", "receipts")
FORMAT = 1
_LEVEL = 1
"""The compression level: a backup must not take the processor away from the sender."""


class About(TypedDict):
    """What a backup says of itself, in a file of its own that comes first."""

    format: int
    version: str
    at: float
    """When the copy of the database was begun (wall time)."""
    sqlite: bool


class BackupFailed(Exception):
    """A sentence that says why there is no backup, or why none was restored. Nothing was changed."""


def back_up(settings: Settings, store: Store, to: Path) -> int:
    """Writes the backup and returns its size in bytes. Raises BackupFailed, and leaves no partial file."""
    if not store.is_sqlite:
        # Without the password, because this may end up in a log.
        database = store.url.set(drivername="postgresql")._replace(password=None).render_as_string()
        raise BackupFailed(
            "The import database is on Postgres, with the uploaded files and saved results in it, so its own "
            f"tool backs up all of the desk: pg_dump --format=custom --file={to} '{database}'. No file was "
            "written."
        )
    if to.exists():
        raise BackupFailed(f"{to} already exists. Name a file that does not.")
    try:
        with tempfile.TemporaryDirectory(prefix=".backup-", dir=to.absolute().parent) as scratch:
            about: About = {"format": FORMAT, "version": __version__, "at": time.time(), "sqlite": True}
            copy = _copied(store, Path(scratch))
            part = Path(scratch) / "part"
            with open(part, "xb", opener=for_us_alone) as file:
                _write(file, about, copy, settings.data_dir)
                file.flush()
                os.fsync(file.fileno())
            part.rename(to)
    except (OSError, sqlite3.Error) as problem:
        why = getattr(problem, "strerror", None) or problem
        raise BackupFailed(f"The backup could not be written: {why}. The desk is unchanged.") from None
    return to.stat().st_size


def _copied(store: Store, scratch: Path) -> Path:
    """The SQLite database as of one moment. Copied in one step: a copy in pieces starts over with each write,
    and would never finish during an import. It blocks nobody, because writes go to the WAL meanwhile."""
    path = scratch / DATABASE
    with (
        closing(sqlite3.connect(f"file:{store.url.database}?mode=ro", uri=True)) as live,
        closing(sqlite3.connect(path)) as copy,
    ):
        live.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
    return path


def _write(file: IO[bytes], about: About, copy: Path, folder: Path) -> None:
    sums: list[str] = []
    with tarfile.open(fileobj=file, mode="w:gz", compresslevel=_LEVEL, format=tarfile.PAX_FORMAT) as tar:
        _add_bytes(tar, ABOUT, orjson.dumps(about))
        _add(tar, copy, DATABASE, sums)
        for path in _files(folder):
            with suppress(FileNotFoundError):  # purged or discarded meanwhile
                _add(tar, path, path.relative_to(folder).as_posix(), sums)
        _add_bytes(tar, SUMS, "".join(sums).encode())


def _files(folder: Path) -> Iterator[Path]:
    if (folder / LINKS_KEY).exists():
        yield folder / LINKS_KEY
    for name in FOLDERS:
        yield from sorted(path for path in (folder / name).rglob("*") if path.is_file())


def _add(tar: tarfile.TarFile, path: Path, name: str, sums: list[str]) -> None:
    with path.open("rb") as file:
        info = tarfile.TarInfo(name)
        info.size, info.mtime, info.mode = os.fstat(file.fileno()).st_size, int(path.stat().st_mtime), 0o600
        hashed = Hashed(file)
        tar.addfile(info, hashed)
    sums.append(f"{hashed.digest}  {name}\n")


def _add_bytes(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = len(data), int(time.time()), 0o600
    tar.addfile(info, io.BytesIO(data))


def for_us_alone(path: str, flags: int) -> int:
    """An opener for `open`: other accounts on this machine cannot read the file, whatever its folder."""
    return os.open(path, flags, 0o600)


class Hashed:
    """Computes the SHA-256 of a file while it is read once."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._sum = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(size)
        self._sum.update(piece)
        return piece

    @property
    def digest(self) -> str:
        return self._sum.hexdigest()
