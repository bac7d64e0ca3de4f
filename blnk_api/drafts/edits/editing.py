"""Changes cells of a draft: single cells, all with a problem, or all with a text.

Each act is one transaction: it is recorded, the draft gets a new version, and the check starts over with all
edits applied to the file. Nothing here sends.
"""

from collections.abc import Callable, Iterator, Sequence

from sqlalchemy import Connection

from blnk_api.access.actors import Actor
from blnk_api.common.quoting import shown
from blnk_api.drafts.edits.edited_records import RecordEdits
from blnk_api.drafts.edits.open_draft import NotRepairable, open_draft
from blnk_api.drafts.rechecking.change_and_check import AtOnce, Check, run
from blnk_api.drafts.rechecking.recheck import Change
from blnk_api.facts.totals import ProblemSummary
from blnk_api.store import Store, rows
from blnk_api.store.events import EventKind, Particulars, note
from blnk_api.store.imports import Import
from blnk_api.store.people import edits as repairs
from blnk_api.store.people.edits import Edit
from blnk_api.store.rows import StoredRow
from blnk_api.store.states import RowState

__all__ = ["Edit", "NotRepairable", "edit", "fix_all", "problem_rows", "replace_all"]

MOST_CELLS = 50_000
"""The most cells that one act may change. Larger changes belong in the file."""
_PAGE_ROWS = 2_000


def edit(store: Store, id: str, edits: Sequence[Edit], *, who: Actor, at_once: AtOnce | None = None) -> int:
    """Changes cells. Returns how many changed. Raises NotRepairable."""

    def act(tx: Connection, check: Check) -> int:
        return _change_cells(tx, open_draft(tx, id, who=who), edits, check, who=who)

    return run(store, id, act, at_once)


def fix_all(
    store: Store,
    id: str,
    problem: ProblemSummary,
    *,
    repair: str,
    who: Actor,
    at_once: AtOnce | None = None,
) -> int:
    """Replaces every cell with this problem; a suggestion only in cells that it was made for. Returns how
    many cells changed.

    A problem found by an earlier version has no position. It is found by its header, if only one column has
    it. Raises NotRepairable.
    """
    is_whole_row = problem.position is None and not problem.column

    def found(tx: Connection, import_: Import) -> list[Edit]:
        at = _position(import_, problem.column, problem.position)
        edits, proposed = [], []
        for row, repairs_of_row in _rows_with(tx, import_, problem, None if is_whole_row else at):
            edits.append(Edit(row.number, at, row.cells[at] if is_whole_row else repair))
            if repair in repairs_of_row:
                proposed.append(edits[-1])
        return proposed or edits

    return _change_all(store, id, found, at_once, who=who, accepted=is_whole_row)


def replace_all(
    store: Store,
    id: str,
    *,
    position: int,
    find: str,
    put: str,
    whole_cell: bool,
    who: Actor,
    at_once: AtOnce | None = None,
) -> int:
    """Replaces a text in a column. Returns how many cells changed."""
    if not find and not whole_cell:
        raise NotRepairable("Enter the text to find.")

    def found(tx: Connection, import_: Import) -> list[Edit]:
        overlay = RecordEdits.of(repairs.of_import(tx, import_.number))
        edits = []
        for row in _all_rows(tx, import_.number):
            text = overlay.cell(row.number, position, row.cells[position])
            new = (put if text == find else text) if whole_cell else text.replace(find, put)
            if new != text:
                edits.append(Edit(row.number, position, new))
        return edits

    return _change_all(store, id, found, at_once, who=who)


def problem_rows(tx: Connection, import_: Import, *, after: int = 0, limit: int = 100) -> list[StoredRow]:
    """Rows that cannot be sent yet, in file order after the row with this id, with edited cells."""
    return rows.page(tx, import_.number, states=[RowState.INVALID], after=after, limit=limit)


def _change_all(
    store: Store,
    id: str,
    found: Callable[[Connection, Import], list[Edit]],
    at_once: AtOnce | None,
    *,
    who: Actor,
    accepted: bool = False,
) -> int:
    """Goes through all rows first, outside the write transaction, because that takes seconds for a long
    file."""
    with store.read() as tx:
        seen = open_draft(tx, id, who=who)
        edits = found(tx, seen)

    def act(tx: Connection, check: Check) -> int:
        import_ = open_draft(tx, id, who=who)
        if import_.version != seen.version:
            raise NotRepairable(
                "Another user changed this draft just now. Your change was not saved. Try again."
            )
        return _change_cells(tx, import_, edits, check, who=who, accepted=accepted)

    return run(store, id, act, at_once)


def _change_cells(
    tx: Connection,
    import_: Import,
    edits: Sequence[Edit],
    check: Check,
    *,
    who: Actor,
    accepted: bool = False,
) -> int:
    """`accepted`: unchanged cells count too, because a person confirmed them."""
    if len(edits) > MOST_CELLS:
        raise NotRepairable(
            f"That would change {len(edits):,} cells; at most {MOST_CELLS:,} can be changed here at once. "
            "Correct it in the file, then import that file."
        )
    width = len(import_.headers)
    numbers = {one.number for one in edits}
    overlay = RecordEdits.of(repairs.of_records(tx, import_.number, numbers))
    typed = rows.cells_of(tx, import_.number, numbers)
    changes: list[Change] = []
    for one in dict.fromkeys(edits):
        if one.number not in typed or not 0 <= one.position < width:
            raise NotRepairable(f"Row {one.number} is not in this file, or does not have this column.")
        old = overlay.cell(one.number, one.position, typed[one.number][one.position])
        if one.new != old or accepted:
            changes.append((one.number, one.position, old, one.new))
    if changes:
        places = tuple(sorted({at for _, at, _, _ in changes if at is not None}))
        detail = Particulars(cells=len(changes), columns=places)
        note(tx, import_.number, who=who, what=EventKind.REPAIRED, detail=detail)
        check(tx, import_, changes)
        repairs.add(tx, import_.number, changes, who=who)
    return len(changes)


def _position(import_: Import, column: str, position: int | None) -> int:
    """The position of a problem's column, or of the last column for a problem of the whole row."""
    headers = import_.headers
    places = [at for at, header in enumerate(headers) if header == column]
    if position is not None:
        if position not in places:
            raise NotRepairable("Nothing was changed: the file no longer has this column.")
        return position
    if headers and not column:
        return len(headers) - 1
    if not places:
        raise NotRepairable("Nothing was changed: the file no longer has this column.")
    if len(places) > 1:
        raise NotRepairable(
            f"Nothing was changed: {len(places)} columns of the file are called “{shown(column)}”, and this "
            "draft was checked by an earlier version, which did not record which one is "
            "meant. Change one of the cells in the grid: the file is then checked again, and "
            "all of them can be replaced at once."
        )
    return places[0]


def _rows_with(
    tx: Connection, import_: Import, problem: ProblemSummary, position: int | None
) -> Iterator[tuple[StoredRow, set[str | None]]]:
    """The rows with the suggestion for each: long cells may start the same and have different suggestions."""
    for row in _all_rows(tx, import_.number, with_problems=True):
        found = {
            one.repair
            for one in row.problems
            if (one.kind, one.column, one.value) == (problem.kind, problem.column, problem.value)
            and (one.position if one.position is not None or not one.column else position) == position
        }
        if found:
            yield row, found


def _all_rows(tx: Connection, import_: int, *, with_problems: bool = False) -> Iterator[StoredRow]:
    """Every record's first row; with `with_problems` only records with problems."""
    after, number = 0, 0
    while part := rows.page(tx, import_, with_problems=with_problems, after=after, limit=_PAGE_ROWS):
        for row in part:
            if row.number != number:
                yield row
            number = row.number
        after = part[-1].id
