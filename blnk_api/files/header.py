"""Finds the row with the column names."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, islice, pairwise

from blnk_api.common.invisible_characters import bare
from blnk_api.common.quoting import shown
from blnk_api.currencies import name_of
from blnk_api.facts.file_shape import Flaw
from blnk_api.facts.mapping import ONE_COLUMN_EACH, Use
from blnk_api.files.column_names import recognise
from blnk_api.files.limits import MAX_COLUMNS, FileProblem

LOOK_AT = 50
"""The number of rows that are examined. Titles and notes above a table are shorter."""

Row = tuple[int, list[str]]

_TELLING = frozenset({*ONE_COLUMN_EACH, Use.BALANCE_ID, Use.IMPORT_REF, Use.IMPORT_ROW})
ID = re.compile(r"(?:ldg|idt|bln)_\S+|general_ledger_id|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}", re.IGNORECASE)
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ].*)?")


def known_uses(cells: Sequence[str]) -> int:
    """How many different known columns the cells name."""
    found = (recognise(cell) for cell in cells if len(cell) <= 100)
    return len({use[0] for use in found if use and use[0] in _TELLING})


def find_header(rows: Sequence[Row]) -> int | None:
    """The index of the header row among the first rows of a file, or None.

    A row that names two known columns is the header, unless it lists a report's parameters above another such
    row, with no balances between them. Otherwise it is the first row, before any data, that is as full as the
    rows below it and holds words instead of values.
    """
    naming = [index for index, (_, cells) in enumerate(rows) if known_uses(cells) >= 2]
    if naming:
        for index, following in pairwise(naming):
            if not _gives_parameters(rows[index][1]) or _has_balances(rows[index : following + 1]):
                return index
        return naming[0] if _gives_parameters(rows[naming[-1]][1]) else naming[-1]
    width = usual_width([cells for _, cells in rows])
    for index, (_, cells) in enumerate(rows):
        filled = [cell.strip() for cell in cells if cell.strip()]
        if any(ID.fullmatch(cell) for cell in filled):
            return None
        enough = len(filled) * 2 > width if width > 1 else bool(filled)
        if enough and len(set(filled)) == len(filled) and not any(map(_is_value, filled)):
            return index
    return None


def _gives_parameters(cells: Sequence[str]) -> bool:
    """Whether a row is like "Ledger: All, Currency: USD": labels with a colon, or a value after each
    label."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    if filled[0].startswith("#"):  # a comment, unless there is no other row of names
        return True
    if any(cell.endswith(":") for cell in filled) or len(set(filled)) < len(filled):
        return True
    return any(map(_is_value, filled)) or (
        len(filled) > 2
        and all((recognise(cell) is not None) == (at % 2 == 0) for at, cell in enumerate(filled))
    )


def currency_columns(names: Sequence[str]) -> list[int]:
    """The positions of the columns that are called currency."""
    return [at for at, name in enumerate(names) if (recognise(name) or ("",))[0] is Use.CURRENCY]


def _names_a_currency(cells: Sequence[str], columns: Sequence[int]) -> bool:
    return any(name_of(bare(cells[at]).upper()) for at in columns if at < len(cells))


def _has_balances(rows: Sequence[Row]) -> bool:
    """Whether there are balances between the first row, which names columns, and the last, which names some
    again, as in files that were put together. One row of values before a blank line belongs to the
    parameters."""
    (_, names), *between, (following, _) = rows
    currencies = currency_columns(names)
    balances = [
        number
        for number, cells in between
        if _names_a_currency(cells, currencies) or any(ID.fullmatch(bare(cell)) for cell in cells)
    ]
    return len(balances) > 1 or balances == [following - 1]


def usual_width(rows: Sequence[Sequence[str]]) -> int:
    """The most common number of cells up to the last filled one."""
    widths = Counter(_filled_width(cells) for cells in rows if any(cells))
    return max(widths, key=lambda width: (widths[width], width)) if widths else 0


def _filled_width(cells: Sequence[str]) -> int:
    return max((at for at, cell in enumerate(cells, 1) if cell.strip()), default=0)


def _is_value(cell: str) -> bool:
    """Whether a cell looks like data: a number, a date, an email address, a code, yes or no."""
    if len(cell) > 200 or cell.lower() in ("true", "false") or name_of(cell) is not None:
        return True
    if any(map(str.isdecimal, cell)) and not cell.lstrip("+-").rstrip("%").strip("0123456789.,' "):
        return True
    before, at, after = cell.partition("@")
    if at and before and "." in after.strip(".") and " " not in cell:
        return True
    return bool(_DATE.fullmatch(cell))


def choose(rows: Iterator[Row], chosen_row: int | None) -> tuple[int, list[str], list[Flaw]]:
    """The header's row number, the column names without surrounding spaces, and what is to be told of the
    rows above it. Raises FileProblem.

    `rows` are the filled rows from the top of the file. `chosen_row` is the row that a person chose, or 0 for
    none.
    """
    first = list(islice(rows, LOOK_AT))
    above: list[Flaw] = []
    if not first:
        raise FileProblem("empty", "The file is empty. Choose another file, or save this one again.")
    if chosen_row == 0:
        width = max(len(cells) for _, cells in first)
        number, headers = 0, [f"Column {at}" for at in range(1, width + 1)]
    elif chosen_row is not None:
        chosen = next((row for row in chain(first, rows) if row[0] >= chosen_row), None)
        if chosen is None or chosen[0] != chosen_row:
            raise FileProblem(
                "header_row",
                f"Row {chosen_row:,} is empty or does not exist. Choose the row with the column names.",
            )
        number, headers = chosen
    else:
        index = find_header(first)
        if index is None:
            raise _no_header(first[0][1])
        number, headers = first[index]
        above = _told_of(first[:index], number, headers)
    if len(headers) > MAX_COLUMNS:
        raise FileProblem(
            "too_many_columns",
            f"The file has {len(headers):,} columns; {MAX_COLUMNS} is the limit. Remove the "
            "columns that you do not need.",
        )
    return number, [bare(name.strip("\0")) for name in headers], above


def _told_of(above: Sequence[Row], number: int, headers: Sequence[str]) -> list[Flaw]:
    """A warning if balances seem to stand above the column names, as after sorting the whole sheet."""
    width = _filled_width(headers)
    money = currency_columns(headers)
    balances = [
        row
        for row, cells in above
        if _filled_width(cells) == width and _names_a_currency(cells, money) and known_uses(cells) < 2
    ]
    if len(balances) < (1 if width > 2 else 3):  # two cells may be a parameter: "Base currency, USD"
        return []
    many = len(balances) > 1
    message = (
        f"The rows above the column names (row {number:,}) are not read, but {len(balances)} of them "
        f"{'look like balances, the first in' if many else 'looks like a balance:'} row {balances[0]:,}. "
        "If so, move the column names to the top of the file."
    )
    return [Flaw("rows_above", None, message, "warning")]


def _no_header(first: Sequence[str]) -> FileProblem:
    start = shown(", ".join(cell.strip() for cell in first if cell.strip()))
    return FileProblem(
        "no_header",
        f"The first line contains data, not column names: {start}. Add a line above it with at least "
        "ledger_id "
        "and currency. Or choose header row 0 in the file settings, and map each column.",
    )
