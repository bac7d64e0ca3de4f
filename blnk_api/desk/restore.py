"""Brings a backup back into a data folder that holds no desk, and sees to it that nothing is sent by it.

A database that is older than Blnk knows neither what was sent since, nor whether the desk that it is a copy
of goes on. So sending is stopped before anybody can open it, until a person has looked.
"""

import os
import shutil
import tarfile
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

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
    BackupFailed,
    Hashed,
    for_us_alone,
)
from blnk_api.settings import Settings
from blnk_api.store import Store, StoreUnavailable, failures
from blnk_api.store.sending import home, senders
from blnk_api.store.tables import imports, receipts, tokens
from blnk_api.wording import about_stops

_PIECE_BYTES = 1 << 20


@dataclass(frozen=True)
class Restored:
    """What was brought back, as of when."""

    at: float
    imports: int
    unfinished: int
    files: int
    has_renewed_tokens: bool
    """Renewed OAuth tokens are in it: the desk that went on may have renewed them again."""


def restore(settings: Settings, archive: Path, *, who: Actor) -> Restored:
    """Raises BackupFailed where there is a desk already, or half an archive; nothing changed then."""
    folder, store = settings.data_dir, Store(settings.database_url)
    try:
        _refuse_what_is_there(folder, store)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".restoring-", dir=folder) as scratch:
            about = _unpack(archive, Path(scratch))
            if about["sqlite"] is not store.is_sqlite:
                kind = "SQLite" if about["sqlite"] else "Postgres"
                raise BackupFailed(
                    f"{archive} was made of a desk on {kind}. Set BLNK_DATABASE_URL accordingly. Nothing was "
                    "restored."
                )
            return _bring_back(settings, store, Path(scratch), float(about["at"]), who)
    except (tarfile.TarError, EOFError, zlib.error, KeyError, ValueError):
        raise BackupFailed(f"{archive} is not a complete backup. Nothing was restored.") from None
    except StoreUnavailable as problem:
        raise BackupFailed(f"{problem} Nothing was restored.") from None
    except SQLAlchemyError as problem:
        raise BackupFailed(f"{failures.explain(problem)} Nothing was restored.") from None
    except OSError as problem:
        raise BackupFailed(
            f"{problem.filename or archive}: {problem.strerror}. Nothing was restored."
        ) from None
    finally:
        store.close()


def _refuse_what_is_there(folder: Path, store: Store) -> None:
    there = [folder / name for name in (DATABASE, LINKS_KEY, *FOLDERS) if (folder / name).exists()]
    if store.is_sqlite and Path(store.url.database or "").exists():
        there.append(Path(store.url.database or ""))
    if there:
        raise BackupFailed(
            f"There is a desk already: {there[0]} exists. Restore into an empty data folder (BLNK_DATA_DIR)."
        )
    if store.is_sqlite:
        return
    with store.read() as tx:
        if not inspect(tx).has_table(imports.name):
            raise BackupFailed(
                "The database is empty. Restore it first with pg_restore, then run this command again."
            )
        if senders.current(tx) is not None:
            raise BackupFailed("A sender is running on this database. Stop it before you restore.")


def _unpack(archive: Path, scratch: Path) -> dict[str, Any]:
    """All of it, compared with its sums; what it says of itself. Nothing is written but what a backup has."""
    sums: dict[str, str] = {}
    with tarfile.open(archive, "r:gz") as tar:
        first = tar.next()
        if first is None or first.name != ABOUT:
            raise tarfile.ReadError
        about: dict[str, Any] = orjson.loads(_read(tar, first))
        if about["format"] != FORMAT:
            raise BackupFailed(
                f"{archive} was made by version {about['version']} of Balance Desk. Restore it with that "
                "version or a newer one."
            )
        while (member := tar.next()) is not None:
            if member.name == SUMS:
                lines = _read(tar, member).decode().splitlines()
                told = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
                if told != sums:
                    raise tarfile.ReadError
                return about
            path = scratch / _safe(member)
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open(path, "xb", opener=for_us_alone) as file:
                hashed = Hashed(_opened(tar, member))
                shutil.copyfileobj(hashed, file, _PIECE_BYTES)
                os.fsync(file.fileno())
            sums[member.name] = hashed.digest
    raise tarfile.ReadError


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
    """The database is stopped before it lies where anybody opens it, and is put there last."""
    if store.is_sqlite:
        brought = Store(f"sqlite:///{scratch / DATABASE}")
        try:
            found = _stopped(brought, scratch, at, who)
        finally:
            brought.close()
    else:
        found = _stopped(store, scratch, at, who)
    for name in (*FOLDERS, LINKS_KEY):
        if (scratch / name).exists():
            (scratch / name).rename(settings.data_dir / name)
    if store.is_sqlite:
        shutil.move(scratch / DATABASE, Path(store.url.database or ""))
    return found


def _stopped(store: Store, scratch: Path, at: float, who: Actor) -> Restored:
    """Migrates it, stops all sending and ends all sessions in it, and removes files that it does not name:
    they came after it."""
    store.migrate()
    with store.write() as tx:
        unfinished = home.stop_all(
            tx, who=who, reason=about_stops.restored(at), about_tokens=about_stops.STALE_TOKENS
        )
        home.forget(tx)
        n = tx.execute(select(func.count()).select_from(imports)).scalar_one()
        has_tokens = tx.execute(select(tokens.c.connection_key)).first() is not None
        uploads = tx.execute(select(imports.c.file_path).where(imports.c.file_path.is_not(None))).scalars()
        saved = tx.execute(
            select(receipts.c.results_path).where(receipts.c.results_path.is_not(None))
        ).scalars()
        named = {scratch / "uploads" / one for one in uploads} | {scratch / "receipts" / one for one in saved}
    kept = 0
    for name in FOLDERS:
        for path in [one for one in (scratch / name).rglob("*") if one.is_file()]:
            if path in named:
                kept += 1
            else:
                path.unlink()
    return Restored(at, n, unfinished, kept, has_tokens)
