"""The columns of a results file: the file's own columns as they were sent, then the outcome of the row."""

from collections.abc import Iterator, Sequence

from blnk_api.common.quoting import shown
from blnk_api.facts.mapping import OUR_OWN, ForAllRows, Use
from blnk_api.files import row_marks
from blnk_api.files.column_labels import distinct_labels
from blnk_api.files.column_names import plain
from blnk_api.reports import result_rows
from blnk_api.reports.result_rows import ResultRow
from blnk_api.store import Store
from blnk_api.store.imports import Import
from blnk_api.store.people import edits
from blnk_api.store.sending import fix_families
from blnk_api.store.states import RowState

OUR_COLUMNS = ("balance_id", "status", "message", "import_ref", "import_row")

_OURS_PLAIN = {plain(name) for name in OUR_COLUMNS}
_PAGE_ROWS = 500
_OLD_CHARACTERS = 200

_ADDED = {
    "ledger": ("ledger_id", "ledger", "blnk_ledger_id"),
    "currency": ("currency", "currency_code", "ccy"),
}
"""Candidate names for a column that the file lacked. The first one that the file does not use is taken."""


def tables(
    store: Store, import_: Import, states: Sequence[RowState] | None
) -> tuple[list[str], Iterator[list[list[str]]]]:
    """The header, and the rows in file order, page by page. All rows if `states` is None."""
    layout = _Layout(import_)
    return layout.header, _pages(store, import_, states, layout)


def _pages(
    store: Store, import_: Import, states: Sequence[RowState] | None, layout: "_Layout"
) -> Iterator[list[list[str]]]:
    with store.read() as tx:
        originals = edits.originals(tx, import_.number)
    after = 0
    while True:
        with store.read() as tx:
            page = result_rows.page(tx, import_.number, states=states, after=after, limit=_PAGE_ROWS)
            fixed = fix_families.fixed_in(tx, [row.id for row in page if row.state is RowState.SUPERSEDED])
        if not page:
            return
        after = page[-1].id
        yield [layout.record(row, originals.get(row.number, {}), fixed.get(row.id)) for row in page]


class _Layout:
    """Which cells of a record are written, and where."""

    def __init__(self, import_: Import) -> None:
        self._names: Sequence[str] = import_.headers
        self._called_apart = distinct_labels(self._names)
        self._id = import_.id
        uses = {one.position: one.use for one in import_.columns}
        # A file made from these results already has our columns; the current ones replace them.
        self._kept = [
            at
            for at, name in enumerate(self._names)
            if import_.kind == "form" or not _is_ours(name, uses.get(at))
        ]
        self._is_whole = self._kept == list(range(len(self._names)))
        """Whether it has every column of the file."""
        self._currency = next((at for at, use in uses.items() if use == Use.CURRENCY), None)
        chosen = import_.mapping.for_all_rows if import_.mapping else ForAllRows()
        has_ledger = Use.LEDGER in uses.values()
        self._ledger = None if has_ledger else chosen.ledger_id
        codes = () if self._currency is not None else chosen.currencies
        self._currencies = ";".join(codes)
        kept = [self._names[at] for at in self._kept]
        self.header = [
            *kept,
            *([_free_name("ledger", kept)] if self._ledger else []),
            *([_free_name("currency", kept)] if self._currencies else []),
            *OUR_COLUMNS,
        ]

    def record(self, row: ResultRow, originals: dict[int, str], fixed_in: str | None) -> list[str]:
        """`originals` has the file's own text of edited cells, by position. `fixed_in` is an import's id."""
        message = row.message or _first_problem(row)
        if originals or fixed_in is not None:
            message = " ".join(filter(None, (message, *self._changes(originals, fixed_in))))
        _, number, part, _, cells, ledger_id, currency, ref, status, balance_id, *_ = row
        if part or not self._is_whole or len(cells) != len(self._kept):
            cells = [self._cell(row, at) for at in self._kept]
        return [
            *cells,
            *([ledger_id or self._ledger] if self._ledger else ()),
            *([part or currency or self._currencies] if self._currencies else ()),
            balance_id or "",
            status,
            message,
            ref or "",
            str(row_marks.Mark(self._id, number, part)),
        ]

    def _changes(self, originals: dict[int, str], fixed_in: str | None) -> Iterator[str]:
        if fixed_in is not None:
            yield f"It is fixed in import {fixed_in}."
        for at, old in sorted(originals.items()):
            if at in self._kept:
                yield f"{self._called(at)} was {_quoted(old)}."

    def _cell(self, row: ResultRow, at: int) -> str:
        if row.part and at == self._currency:
            return (
                row.part
            )  # one line for each balance of a record, so that each can be imported again separately
        return row.cells[at] if at < len(row.cells) else ""

    def _called(self, at: int) -> str:
        return shown(self._called_apart[at])


def _is_ours(name: str, use: Use | None) -> bool:
    """A file may also have its own column called status."""
    return plain(name) in _OURS_PLAIN if use is None else use in OUR_OWN


def _free_name(what: str, taken: Sequence[str]) -> str:
    used = {plain(name) for name in taken}
    return next((name for name in _ADDED[what] if plain(name) not in used), _ADDED[what][0])


def _quoted(old: str) -> str:
    return f"“{shown(old, _OLD_CHARACTERS)}”" if old else "empty"


def _first_problem(row: ResultRow) -> str:
    return row.wrong if row.state in (RowState.INVALID, RowState.SUPERSEDED) else ""
