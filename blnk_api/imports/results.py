"""The results of an import as a CSV: the person's columns in their order, then what became of each row.

Streamed from the journal page by page, so that a million rows cost no memory. Safe to open in a spreadsheet.
"""

import csv
import hashlib
import io
import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import PurePath

from blnk_api.imports.journal import Journal, rows
from blnk_api.imports.journal.imports import Import
from blnk_api.imports.journal.rows import JournalRow
from blnk_api.imports.journal.states import WORDS, RowState
from blnk_api.imports.safe_cells import guard_cell
from blnk_api.imports.spellings import Use, plain

OUR_COLUMNS = ("balance_id", "status", "message", "import_ref")

_OURS_PLAIN = {plain(name) for name in OUR_COLUMNS}
_PAGE_ROWS = 1_000
_BOM = "\ufeff"
"""Excel reads a CSV as UTF-8 only with it."""


class Variant(StrEnum):
    """Which rows a file of results holds."""

    ALL = "all"
    CREATED = "created"
    """Balances that exist: created by this import, or there before it."""
    NOT_CREATED = "not created"
    """Rows that surely have no balance from this import; the file can be imported again as it is."""


_STATES: dict[Variant, tuple[RowState, ...] | None] = {
    Variant.ALL: None,
    Variant.CREATED: (RowState.CREATED, RowState.EXISTS),
    Variant.NOT_CREATED: (RowState.READY, RowState.REFUSED, RowState.INVALID, RowState.LEFT_OUT),
}


def count(import_: Import, variant: Variant) -> int:
    """How many rows a variant holds at this moment."""
    states = _STATES[variant]
    return import_.row_count if states is None else sum(import_.counts.get(one, 0) for one in states)


def stream(journal: Journal, import_: Import, variant: Variant) -> Iterator[bytes]:
    """The file, in pieces: UTF-8 with a byte-order mark, CRLF line ends."""
    layout = _Layout(import_)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    buffer.write(_BOM)
    writer.writerow(layout.header())
    after = 0
    while True:
        yield _take(buffer)
        with journal.read() as tx:
            page = rows.page(tx, import_.number, states=_STATES[variant], after=after, limit=_PAGE_ROWS)
        if not page:
            return
        after = page[-1].id
        writer.writerows(layout.record(row) for row in page)


def _take(buffer: io.StringIO) -> bytes:
    # A file may hold halves of characters that UTF-8 has no bytes for.
    piece = buffer.getvalue().encode("utf-8", "replace")
    buffer.seek(0)
    buffer.truncate()
    return piece


class _Layout:
    """Which of a record's cells are written, and where."""

    def __init__(self, import_: Import) -> None:
        headers: Sequence[str] = (import_.shape or {}).get("headers", [])
        # A file that came from these results brings our columns along; ours of today take their place.
        self._kept = [at for at, header in enumerate(headers) if plain(header) not in _OURS_PLAIN]
        self._headers = [headers[at] for at in self._kept]
        columns = (import_.mapping or {}).get("columns", [])
        self._currency = next((one["position"] for one in columns if one["use"] == Use.CURRENCY), None)

    def header(self) -> list[str]:
        return [*map(guard_cell, self._headers), *OUR_COLUMNS]

    def record(self, row: JournalRow) -> list[str]:
        ours = (row.balance_id or "", WORDS[row.state], row.message or _first_problem(row), row.ref or "")
        return [guard_cell(text) for text in (*(self._cell(row, at) for at in self._kept), *ours)]

    def _cell(self, row: JournalRow, at: int) -> str:
        if row.part and at == self._currency:
            return row.part  # one line for each balance of a record, so that each can be imported again alone
        return row.cells[at] if at < len(row.cells) else ""


def _first_problem(row: JournalRow) -> str:
    errors = [one["message"] for one in row.problems if one.get("severity") == "error"]
    return " ".join(errors) if row.state is RowState.INVALID else ""


def file_name(import_: Import, variant: Variant) -> str:
    """What the download is called: the file's own name, what it holds, and a mark that no other state has."""
    stem = PurePath(import_.file_name or "balance").stem
    tidy = " ".join(re.sub(r"[\x00-\x1f\x7f/\\:*?\"<>|]+", " ", stem).split())
    parts = [tidy.strip(" .")[:100] or "balances"]
    parts += ["PRACTICE"] if import_.instance.environment == "practice" else []
    parts += ["results" if variant is Variant.ALL else str(variant), str(import_.state), _mark(import_)]
    return " - ".join(parts) + ".csv"


def _mark(import_: Import) -> str:
    """Differs whenever what the file holds may differ."""
    seen = f"{import_.id} {import_.version} {import_.state} {import_.stage} {sorted(import_.counts.items())}"
    return f"v{import_.version}-{hashlib.sha256(seen.encode()).hexdigest()[:6]}"
