"""The files that the store names, and which of them are missing."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, literal, select

from blnk_api.store.kept_files.interface import RECEIPTS, UPLOADS
from blnk_api.store.states import ImportState
from blnk_api.store.tables import imports, kept_files, receipts


@dataclass(frozen=True, slots=True)
class NamedFile:
    """`sha256` is the stored hash of its contents."""

    name: str
    sha256: str | None


def named(tx: Connection) -> Iterator[NamedFile]:
    """Uploads and saved results that no purge has deleted."""
    for query in (_uploads(), _saved_results()):
        for one in tx.execute(query.where(imports.c.purged_at.is_(None)).order_by(imports.c.number)):
            yield NamedFile(one.name, one.sha256)


def missing(tx: Connection) -> list[str]:
    """With Postgres: files that should be in the database but are not. Uploads of canceled drafts may be
    missing."""
    found: list[str] = []
    for query, column in ((_uploads(), imports.c.file_path), (_saved_results(), receipts.c.results_path)):
        place = UPLOADS if column is imports.c.file_path else RECEIPTS
        is_kept = exists(select(kept_files.c.name).where(kept_files.c.name == _in(place, column)))
        absent = query.where(_is_needed(place), ~is_kept).order_by(imports.c.number)
        found += [one.name for one in tx.execute(absent)]
    return found


def without_import(tx: Connection, before: float) -> list[str]:
    """With Postgres: ids of uploads from before this time without an import. The upload was interrupted
    between storing the file and creating its draft."""
    id = func.split_part(kept_files.c.name, "/", 2)
    is_known = exists(select(imports.c.id).where(imports.c.id == id))
    is_old_upload = and_(kept_files.c.name.startswith(f"{UPLOADS}/"), kept_files.c.at < before)
    return list(tx.execute(select(id).where(is_old_upload, ~is_known)).scalars())


def _is_needed(place: str) -> ColumnElement[bool]:
    is_whole = imports.c.purged_at.is_(None)
    return and_(is_whole, imports.c.state != ImportState.CANCELLED) if place == UPLOADS else is_whole


def _in(place: str, column: ColumnElement[str | None]) -> ColumnElement[str]:
    return literal(f"{place}/").concat(column)


def _uploads() -> Select[tuple[str, str | None]]:
    name = _in(UPLOADS, imports.c.file_path).label("name")
    return select(name, imports.c.file_sha256.label("sha256")).where(imports.c.file_path.is_not(None))


def _saved_results() -> Select[tuple[str, str | None]]:
    name = _in(RECEIPTS, receipts.c.results_path).label("name")
    return select(name, receipts.c.results_sha256.label("sha256")).join(imports)
