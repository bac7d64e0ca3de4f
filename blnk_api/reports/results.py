"""The results of an import as CSV and XLSX: the file's columns in order, then the outcome of each row.

Read from the store page by page, so that a million rows need no memory. Safe to open in a spreadsheet.
"""

from collections.abc import Iterator
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import IO

from blnk_api.files import csv_writer
from blnk_api.files.kinds import FileKind
from blnk_api.reports.results_layout import OUR_COLUMNS, tables
from blnk_api.store import Store
from blnk_api.store.imports import Import
from blnk_api.store.states import RowState
from blnk_api.wording.download_names import mark, named

__all__ = ["OUR_COLUMNS", "FileKind", "Variant", "count", "file_name", "stream", "workbook"]


class Variant(StrEnum):
    """Which rows a results file contains."""

    ALL = "all"
    CREATED = "created"
    """Balances that exist, created by this import or before it."""
    NOT_CREATED = "not created"
    """Rows that certainly have no balance from this import. The file can be imported again as it is."""


_STATES: dict[Variant, tuple[RowState, ...] | None] = {
    Variant.ALL: None,
    Variant.CREATED: (RowState.CREATED, RowState.EXISTS),
    Variant.NOT_CREATED: (RowState.READY, RowState.REFUSED, RowState.INVALID, RowState.LEFT_OUT),
}


def count(import_: Import, variant: Variant) -> int:
    """How many rows a variant has now."""
    states = _STATES[variant]
    return import_.row_count if states is None else sum(import_.counts.get(one, 0) for one in states)


def stream(store: Store, import_: Import, variant: Variant) -> Iterator[bytes]:
    """The CSV, in pieces; see `csv_writer.stream`."""
    header, pages = tables(store, import_, _STATES[variant])
    return csv_writer.stream(header, chain.from_iterable(pages))


def workbook(store: Store, import_: Import, variant: Variant, folder: Path) -> IO[bytes]:
    """The XLSX, ready to be read from its beginning; see `xlsx_writer.made`. Formulas stay text without a
    guard."""
    header, pages = tables(store, import_, _STATES[variant])
    rows = chain.from_iterable(pages)
    # Imported here: every command imports this module, and few of them write a workbook.
    from blnk_api.files import xlsx_writer

    return xlsx_writer.made(folder, lambda book: book.add_table("Results", header, rows))


def file_name(import_: Import, variant: Variant, kind: FileKind = FileKind.CSV) -> str:
    """The download's name: the file's own name, the variant, and a mark that changes with the state."""
    contents = "results" if variant is Variant.ALL else str(variant)
    return named(import_, contents, str(import_.state), mark(import_)) + f".{kind}"
