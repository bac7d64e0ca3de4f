"""Everything that is known about an import as one ZIP, for an auditor: each part with its SHA-256.

The uploaded file, how its columns were read, edits, activity, results and receipts. Parts that were deleted
because of the settings are listed as missing.
"""

import hashlib
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from typing import IO

import orjson
from sqlalchemy import Connection

from blnk_api.files import csv_writer
from blnk_api.files.table import Cell
from blnk_api.reports import receipts, results
from blnk_api.reports.results import Variant
from blnk_api.settings import Settings
from blnk_api.store import Store, events, rows
from blnk_api.store.imports import Import
from blnk_api.store.kept_files import RECEIPTS, UPLOADS, Files, files_of
from blnk_api.store.people import edits, receipt_records
from blnk_api.store.states import ImportState
from blnk_api.wording import about_activity, about_files, about_rows, phrases
from blnk_api.wording.download_names import mark, named, tidy

SUMS = "SHA256SUMS.txt"
_EVENTS = 100_000
_PIECE_BYTES = 1 << 20


def file_name(import_: Import) -> str:
    return named(import_, "evidence", mark(import_)) + ".zip"


def bundle(store: Store, settings: Settings, import_: Import) -> IO[bytes]:
    """The ZIP, ready to be read from its beginning. It is an unnamed file. Raises OSError."""
    made = tempfile.TemporaryFile(dir=settings.scratch_dir)  # noqa: SIM115 (whoever sends it closes it)
    try:
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
            _Bundle(archive, files_of(store, settings)).fill(store, import_)
    except BaseException:
        made.close()
        raise
    made.seek(0)
    return made


class _Bundle:
    """The parts added so far, and their sums."""

    def __init__(self, archive: zipfile.ZipFile, files: Files) -> None:
        self._archive = archive
        self._files = files
        self._sums: list[str] = []

    def fill(self, store: Store, import_: Import) -> None:
        missing = []
        is_purged = import_.purged_at is not None
        is_deleted = is_purged or import_.state is ImportState.CANCELLED
        if import_.file_path is not None:
            name = f"file/{tidy(import_.file_name) or 'file'}"
            if not self._file(name, f"{UPLOADS}/{import_.file_path}"):
                why = about_files.gone(is_deleted=is_deleted, is_sqlite=store.is_sqlite)
                missing.append(f"{name}: {why} Its SHA-256 was {import_.file_sha256}.")
        with store.read() as tx:
            about = {
                "import": receipts.contents_of(tx, import_)["import"],
                "columns": import_.mapping.model_dump(mode="json") if import_.mapping else None,
                "file_settings": import_.options.model_dump(mode="json"),
            }
            changed, happened = list(_edits(tx, import_)), list(_activity(tx, import_))
            written = receipt_records.headings(tx, import_.number)
        self.add("columns.json", [_json(about)])
        self.add("edits.csv", csv_writer.stream(["Row", "Column", "Old", "New", "By", "When (UTC)"], changed))
        self.add("activity.csv", csv_writer.stream(["When (UTC)", "Who", "Row", "What"], happened))
        self.add("results.csv", results.stream(store, import_, Variant.ALL))
        for one in written:
            with store.read() as tx:
                receipt = receipt_records.find(tx, import_.number, one.n)
            if receipt is None:
                continue
            self.add(f"receipts/receipt-{one.n}.json", [_json(receipt.contents)])
            name = f"receipts/receipt-{one.n}-results.csv"
            if not self._file(name, f"{RECEIPTS}/{receipt.results_path}"):
                why = about_files.gone(is_deleted=is_purged, is_sqlite=store.is_sqlite)
                missing.append(f"{name}: {why} Its SHA-256 is on receipt {one.n}.")
        if missing:
            self.add("missing.txt", ["\n".join([*missing, ""]).encode()])
        self._archive.writestr(SUMS, "".join(self._sums))

    def _file(self, name: str, kept_as: str) -> bool:
        """Returns whether the file still exists."""
        try:
            with self._files.open(kept_as) as file:
                self.add(name, iter(lambda: file.read(_PIECE_BYTES), b""))
        except FileNotFoundError:
            return False
        return True

    def add(self, name: str, pieces: Iterable[bytes]) -> None:
        digest = hashlib.sha256()
        with self._archive.open(name, "w", force_zip64=True) as part:
            for piece in pieces:
                digest.update(piece)
                part.write(piece)
        self._sums.append(f"{digest.hexdigest()}  {name}\n")


def _json(what: object) -> bytes:
    return orjson.dumps(what, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _edits(tx: Connection, import_: Import) -> Iterator[Sequence[Cell]]:
    names = about_files.columns(import_)
    for one in edits.of_import(tx, import_.number):
        if one.position is None:
            column, old, new = "Whole row", *map(about_rows.whole_row, (one.old, one.new))
        else:
            column, old, new = about_files.name_at(names, one.position), one.old, one.new
        yield one.number, column, old, new, phrases.actor(one.who), receipts.utc(one.at) or ""


def _activity(tx: Connection, import_: Import) -> Iterator[Sequence[Cell]]:
    """Oldest first, including each check of a row."""
    happened = list(reversed(events.of_import(tx, import_.number, limit=_EVENTS)))
    numbers = rows.numbers_of(tx, [one.row for one in happened if one.row is not None])
    for one in happened:
        row = numbers.get(one.row, "") if one.row is not None else ""
        yield receipts.utc(one.at) or "", phrases.actor(one.who), row, about_activity.event(one)
