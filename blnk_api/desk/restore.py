"""Restores a backup into an empty data folder, and makes sure that nothing is sent with it. With Postgres
`pg_restore` restores the database with its files, and only the second part is done here.

A database older than Blnk's data does not know what was sent since, or whether the original desk is still
running. So sending is stopped before anyone can open it, until a person has reviewed it.
"""

import os
import shutil
import tarfile
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

import orjson
from sqlalchemy import func, inspect, select
from sqlalchemy.exc import SQLAlchemyError

from blnk_api.access.actors import Actor
from blnk_api.desk.backup import (
    ABOUT,
    DATABASE,
    FOLDERS,
    FORMAT,
    LINKS_KEY,
    SUMS,
    About,
    BackupFailed,
    Hashed,
    for_us_alone,
)
from blnk_api.desk.files_to_postgres import take_over
from blnk_api.settings import Settings
from blnk_api.store import Store, StoreUnavailable, failures, tables
from blnk_api.store.kept_files import files_of
from blnk_api.store.kept_files.referenced_files import named
from blnk_api.store.sending import copied_store, senders
from blnk_api.store.tables import imports, tokens
from blnk_api.wording import about_stops

_PIECE_BYTES = 1 << 20


@dataclass(frozen=True)
class Restored:
    """What was restored, as of when, and where it is now."""

    at: float | None
    where: str
    imports: int
    unfinished: int
    has_renewed_tokens: bool
    """It contains renewed OAuth tokens, which the original desk may have renewed again since."""


def restore(settings: Settings, archive: Path | None, *, who: Actor) -> Restored:
    """Raises BackupFailed if there already is a desk, or the archive is incomplete. Nothing was changed then.

    With Postgres there is no archive, except one with the files of a desk of an earlier version, which kept
    them in a data folder. They are stored in the database.
    """
    store = Store(settings.database_url)
    try:
        if not store.is_sqlite:
            return _restore_postgres(settings, store, archive, who)
        if archive is None:
            raise BackupFailed("Name the file that the command backup has written. Nothing was restored.")
        folder = settings.data_dir
        _refuse_a_desk(folder, store)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".restoring-", dir=folder) as scratch:
            about = _unpack(archive, Path(scratch), is_sqlite=True)
            return _bring_back(settings, store, Path(scratch), float(about["at"]), who)
    except (tarfile.TarError, EOFError, zlib.error, KeyError, ValueError):
        raise BackupFailed(f"{archive} is not a complete backup. Nothing was restored.") from None
    except StoreUnavailable as problem:
        raise BackupFailed(f"{problem} Nothing was restored.") from None
    except SQLAlchemyError as problem:
        raise BackupFailed(f"{failures.explain(problem)} Nothing was restored.") from None
    except OSError as problem:
        raise BackupFailed(
            f"{problem.filename or archive or 'The disk'}: {problem.strerror}. Nothing was restored."
        ) from None
    finally:
        store.close()


def _refuse_a_desk(folder: Path, store: Store) -> None:
    existing = [folder / name for name in (DATABASE, LINKS_KEY, *FOLDERS) if (folder / name).exists()]
    if Path(store.url.database or "").exists():
        existing.append(Path(store.url.database or ""))
    if existing:
        raise BackupFailed(
            f"There is a desk already: {existing[0]} exists. "
            "Restore into an empty data folder (BLNK_DATA_DIR)."
        )


def _restore_postgres(settings: Settings, store: Store, archive: Path | None, who: Actor) -> Restored:
    with store.read() as tx:
        if not inspect(tx).has_table(imports.name):
            raise BackupFailed(
                "The database is empty. Restore it first with pg_restore, then run this command again."
            )
        if inspect(tx).has_table(tables.senders.name) and senders.current(tx) is not None:
            raise BackupFailed("A sender is running on this database. Stop it before you restore.")
    if archive is None:
        return _stopped(store, None, "the import database", who)
    with tempfile.TemporaryDirectory(prefix=".restoring-", dir=settings.scratch_dir) as scratch:
        about = _unpack(archive, Path(scratch), is_sqlite=False)
        found = _stopped(store, float(about["at"]), "the import database", who)
        take_over(store, files_of(store, settings), Path(scratch))
        return found


def _unpack(archive: Path, scratch: Path, *, is_sqlite: bool) -> About:
    """Unpacks the archive, checks its sums, and returns its description. Only files that belong to a backup
    are written."""
    sums: dict[str, str] = {}
    with tarfile.open(archive, "r:gz") as tar:
        first = tar.next()
        if first is None or first.name != ABOUT:
            raise tarfile.ReadError
        about: About = orjson.loads(_read(tar, first))
        if about["format"] != FORMAT:
            raise BackupFailed(
                f"{archive} was made by version {about['version']} of Balance Desk. Restore it with that "
                "version or a newer one."
            )
        while (member := tar.next()) is not None:
            if member.name == SUMS:
                lines = _read(tar, member).decode().splitlines()
                expected = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
                if expected != sums:
                    raise tarfile.ReadError
                _refuse_another_kind(archive, about["sqlite"], is_sqlite)
                return about
            path = scratch / _safe(member)
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open(path, "xb", opener=for_us_alone) as file:
                hashed = Hashed(_opened(tar, member))
                shutil.copyfileobj(hashed, file, _PIECE_BYTES)
                os.fsync(file.fileno())
            sums[member.name] = hashed.digest
    raise tarfile.ReadError


def _refuse_another_kind(archive: Path, of_sqlite: bool, is_sqlite: bool) -> None:
    if of_sqlite is not is_sqlite:
        kind = "SQLite" if of_sqlite else "Postgres"
        raise BackupFailed(
            f"{archive} was made from a desk on {kind}. Set BLNK_DATABASE_URL accordingly. Nothing was "
            "restored."
        )


def _safe(member: tarfile.TarInfo) -> str:
    parts = PurePosixPath(member.name).parts
    is_known = member.name in (DATABASE, LINKS_KEY) or (len(parts) == 3 and parts[0] in FOLDERS)
    if not member.isreg() or not is_known or any(part in (".", "..", "/") for part in parts):
        raise tarfile.ReadError
    return member.name


def _opened(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    opened = tar.extractfile(member)
    if opened is None:
        raise tarfile.ReadError
    return opened


def _read(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    return _opened(tar, member).read()


def _bring_back(settings: Settings, store: Store, scratch: Path, at: float, who: Actor) -> Restored:
    """Sending is stopped in the database before it is moved, as the last step, to where it can be opened."""
    brought = Store(f"sqlite:///{scratch / DATABASE}")
    try:
        found = _stopped(brought, at, str(settings.data_dir), who)
        _keep_named_alone(brought, scratch)
    finally:
        brought.close()
    for name in (*FOLDERS, LINKS_KEY):
        if (scratch / name).exists():
            (scratch / name).rename(settings.data_dir / name)
    shutil.move(scratch / DATABASE, Path(store.url.database or ""))
    return found


def _stopped(store: Store, at: float | None, where: str, who: Actor) -> Restored:
    """Migrates the database, stops all sending and ends all sessions in it."""
    store.migrate()
    with store.write() as tx:
        unfinished = copied_store.stop_all(
            tx, who=who, reason=about_stops.restored(at), about_tokens=about_stops.STALE_TOKENS
        )
        copied_store.forget(tx)
        n = tx.execute(select(func.count()).select_from(imports)).scalar_one()
        has_tokens = tx.execute(select(tokens.c.connection_key)).first() is not None
    return Restored(at, where, n, unfinished, has_tokens)


def _keep_named_alone(store: Store, scratch: Path) -> None:
    """Deletes files that the database does not name: they were created after it."""
    with store.read() as tx:
        wanted = {scratch / one.name for one in named(tx)}
    for name in FOLDERS:
        for path in (scratch / name).rglob("*"):
            if path.is_file() and path not in wanted:
                path.unlink()
