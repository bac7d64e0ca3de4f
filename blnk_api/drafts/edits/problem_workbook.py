"""A draft's rows that must be fixed as a separate workbook, and what a person changed in it.

The first column has the row number, the last says what is wrong.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from blnk_api.common.quoting import shown
from blnk_api.facts.file_shape import ReadOptions, Record
from blnk_api.files import FileProblem, reading_process, xlsx_writer
from blnk_api.files.column_labels import distinct_labels
from blnk_api.files.column_names import plain
from blnk_api.files.kinds import FileKind
from blnk_api.store import Store, rows
from blnk_api.store.imports import Import
from blnk_api.store.people.edits import Edit
from blnk_api.store.rows import StoredRow
from blnk_api.store.states import RowState
from blnk_api.wording.download_names import mark, named

NUMBER = "Row in the file"
REASONS = "What is wrong"
_SHEET, _EARLIER_SHEET = "Rows to fix", "Rows to put right"
"""The name of its sheet, and the name in earlier versions, whose workbooks may still come back."""
_PAGE_ROWS = 1_000
_TOLD = 3


class NotTheseRows(Exception):
    """The file does not belong to this draft. The text says what is wrong with it and what to do."""


def file_name(import_: Import) -> str:
    return named(import_, _SHEET.lower(), mark(import_)) + f".{FileKind.XLSX}"


def workbook(store: Store, import_: Import, folder: Path) -> IO[bytes]:
    """All invalid rows with their current cells. See `xlsx_writer.made`."""
    header = [NUMBER, *_names(import_), REASONS]
    rows_ = _written(store, import_)
    return xlsx_writer.made(folder, lambda book: book.add_table(_sheet_name(import_), header, rows_))


def _written(store: Store, import_: Import) -> Iterator[list[str]]:
    names = _names(import_)
    width = len(names)
    after = number = 0
    while True:
        with store.read() as tx:
            page = rows.page(tx, import_.number, states=[RowState.INVALID], after=after, limit=_PAGE_ROWS)
        if not page:
            return
        after = page[-1].id
        for row in page:
            if row.number != number:
                cells = [*row.cells, *([""] * width)][:width]
                yield [str(row.number), *cells, _reasons(row, names)]
            number = row.number


def _reasons(row: StoredRow, names: Sequence[str]) -> str:
    reasons = []
    for one in row.problems:
        if one.severity == "error":
            column = one.column if one.position is None else names[one.position]
            reasons.append(f"{shown(column)}: {one.message}" if column else one.message)
    return "\n".join(dict.fromkeys(reasons)) or row.message or ""


def _names(import_: Import) -> list[str]:
    return distinct_labels(import_.headers, taken=(NUMBER, REASONS))


def _sheet_name(import_: Import) -> str:
    """A name that identifies the import, so that another import's rows are not accepted."""
    return f"{_SHEET} {_import_mark(import_)}"


def _import_mark(import_: Import) -> str:
    return hashlib.sha256(import_.id.encode()).hexdigest()[:6]


def read_back(store: Store, import_: Import, path: Path, name: str) -> list[Edit]:
    """The cells in which such a workbook, or a CSV made from it, differs from the current draft.

    Rows and columns that were removed from it stay as they are. `name` is the name of the file. Raises
    NotTheseRows.
    """
    try:
        with reading_process.opened(path, name, ReadOptions(header_row=1)) as (shape, records):
            named_ours = (shape.sheet or "").startswith((_SHEET, _EARLIER_SHEET))
            if named_ours and not (shape.sheet or "").endswith(f" {_import_mark(import_)}"):
                raise NotTheseRows("These rows belong to another file. Download the rows of this import.")
            columns = _columns(import_, shape.headers)
            brought = _by_number(records, shape.headers, most=import_.row_count)
    except FileProblem as problem:
        raise NotTheseRows(problem.message) from None
    return _differences(store, import_, brought, columns)


def _columns(import_: Import, headers: Sequence[str]) -> dict[int, int]:
    """Position in the workbook → position in the file. A column is recognized by its label, which is
    unique."""
    if NUMBER not in headers:
        raise NotTheseRows(
            f"The first row does not name the column {NUMBER}. Download the rows to fix, edit their cells, "
            "and upload that file here."
        )
    ours = {list(headers).index(NUMBER), len(headers) - 1 if headers[-1] == REASONS else -1}
    places = {_alike(name): at for at, name in enumerate(_names(import_))}
    found = {
        at: places[_alike(name)]
        for at, name in enumerate(headers)
        if at not in ours and _alike(name) in places
    }
    if len(set(found.values())) < len(found):
        twice = next(
            name for at, name in enumerate(headers) if list(found.values()).count(found.get(at, -1)) > 1
        )
        raise NotTheseRows(f"The column “{shown(twice)}” appears twice. Keep one.")
    rest = [at for at, name in enumerate(headers) if at not in ours and at not in found]
    return found | _by_header(import_, headers, rest)


def _by_header(import_: Import, headers: Sequence[str], rest: Sequence[int]) -> dict[int, int]:
    """Matches columns by the file's own headers. If several share one, all of them must be there."""
    theirs, ours = defaultdict[str, list[int]](list), defaultdict[str, list[int]](list)
    for at in rest:
        theirs[_alike(headers[at])].append(at)
    for at, name in enumerate(import_.headers):
        ours[_alike(name)].append(at)
    found: dict[int, int] = {}
    for header, places in theirs.items():
        name = headers[places[0]]
        if not ours[header] and not name:
            continue
        if not ours[header]:
            message = f"The file has no column “{shown(name)}”. Do not change the column names."
            raise NotTheseRows(message)
        if len(places) != len(ours[header]):
            raise NotTheseRows(
                f"The file has {len(ours[header])} columns {shown(name) or 'without a name'}, so it is "
                "unclear which one is meant. Download the rows again, and do not change the column names."
            )
        found |= dict(zip(places, ours[header], strict=True))
    return found


def _alike(name: str) -> str:
    return plain(name) or name


def _by_number(records: Iterator[Record], headers: Sequence[str], most: int) -> dict[int, list[str]]:
    """The rows in the workbook, by number."""
    at = list(headers).index(NUMBER)
    found: dict[int, list[str]] = {}
    for record in records:
        wrong = [flaw.message for flaw in record.problems if flaw.severity == "error"]
        if wrong:
            raise NotTheseRows(f"Line {record.number:,} cannot be used: {wrong[0]}")
        text = record.cells[at].strip()
        if not text.isdecimal() or not text.isascii():
            raise NotTheseRows(
                f"Line {record.number:,} has {shown(text) or 'nothing'} as its row number. Each line must "
                "keep the number that it was downloaded with."
            )
        if found.setdefault(int(text), record.cells) is not record.cells:
            raise NotTheseRows(f"Row {int(text):,} appears twice. Keep one.")
        if len(found) > most:
            raise NotTheseRows(
                "The file has more rows than this import. Check that it belongs to this import."
            )
    return found


def _differences(
    store: Store, import_: Import, brought: dict[int, list[str]], columns: dict[int, int]
) -> list[Edit]:
    with store.read() as tx:
        now = rows.cells_of(tx, import_.number, brought.keys())
    missing = sorted(brought.keys() - now.keys())
    if missing:
        listed = ", ".join(f"{number:,}" for number in missing[:_TOLD])
        raise NotTheseRows(f"This import has no row {listed}. Check that the file belongs to this import.")
    edits = []
    for number, cells in brought.items():
        for at, position in columns.items():
            old = now[number][position] if position < len(now[number]) else ""
            if not _is_same(cells[at], old):
                edits.append(Edit(number, position, cells[at]))
    return edits


def _is_same(brought: str, old: str) -> bool:
    """Whether a cell came back unchanged: programs change line ends, and long text was cut."""
    return brought == old or _lines(brought) == _lines(xlsx_writer.fitting(old))


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
