"""Fixes a row that Blnk rejected, and hands it to the sender again within the same import.

The row is checked as if it came from its file, and gets the ref of its new content. Nothing is sent here.
"""

from collections.abc import Mapping as Cells
from dataclasses import dataclass, replace

import orjson
from sqlalchemy import Connection, select

from blnk_api.access.actors import Actor
from blnk_api.access.acts import Act
from blnk_api.client import BlnkClient
from blnk_api.common.quoting import shown
from blnk_api.drafts.checking import CheckedRow, Checker, wanted
from blnk_api.drafts.reference_data import known_in_blnk
from blnk_api.drafts.writing.new_rows import new_row
from blnk_api.facts import problems
from blnk_api.facts.file_shape import Record
from blnk_api.facts.mapping import Use
from blnk_api.lookup import refs
from blnk_api.review.actions import NotPossible
from blnk_api.settings import Connection as BlnkConnection
from blnk_api.store import Store, imports, tables
from blnk_api.store.events import EventKind, Particulars, note
from blnk_api.store.imports import Import
from blnk_api.store.people import edits
from blnk_api.store.rows import StoredRow, by_id
from blnk_api.store.search import row_blocks
from blnk_api.store.sending import fix_families
from blnk_api.store.states import ImportState, RowState
from blnk_api.store.transitions import move, move_import


class StillWrong(NotPossible):
    """The row still has problems. Nothing was changed. `sentences` say what to do."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = sentences


@dataclass(frozen=True)
class _Repaired:
    """The new content of a row."""

    checked: CheckedRow
    cells: list[str]
    changes: list[tuple[int, int | None, str, str]]
    """(row number, column, old, new), in the form that `edits.add` takes."""


def send_repaired(
    store: Store,
    client: BlnkClient,
    connection: BlnkConnection,
    row: int,
    cells: Cells[int, str],
    *,
    who: Actor,
) -> bool:
    """REFUSED → READY with these cells (column → text) instead of its own. Returns whether this call did it.

    Unchanged cells send the row again as it is. A finished import resumes. Raises StillWrong, NotPossible, or
    a BlnkError if Blnk does not answer the check.
    """
    with store.read() as tx:
        row_before = by_id(tx, row)
        import_ = _import_of(tx, row)
    who.require(Act.FIX_ROWS, import_.instance)
    _refuse_if_impossible(import_, row_before)
    if row_before.state is not RowState.REFUSED:
        return False
    repaired = _check(client, connection, import_, row_before, cells)
    with store.write() as tx:
        _refuse_if_impossible(_import_of(tx, row), row_before)
        return _make_ready(tx, import_, row_before, repaired, who)


def _import_of(tx: Connection, row: int) -> Import:
    number = tx.execute(select(tables.rows.c.import_).where(tables.rows.c.id == row)).scalar_one()
    return imports.by_number(tx, number)


def _refuse_if_impossible(import_: Import, row_before: StoredRow) -> None:
    if row_before.body is None:
        raise NotPossible("The contents of this row were deleted, so there is nothing to fix.")
    if import_.shape is None or import_.mapping is None:
        raise NotPossible("This row did not come from a file. Fill in the form again.")
    if import_.state is ImportState.CANCELLED:
        raise NotPossible(
            "This import was canceled, so no more rows are sent. Download the rows "
            "that were not created, "
            "fix them there, and import that file."
        )


def _check(
    client: BlnkClient,
    connection: BlnkConnection,
    import_: Import,
    row_before: StoredRow,
    cells: Cells[int, str],
) -> _Repaired:
    shape, mapping = import_.shape, import_.mapping
    assert shape is not None
    assert mapping is not None
    as_sent = [*row_before.cells, *[""] * (len(shape.headers) - len(row_before.cells))]
    now = [cells.get(at, cell) for at, cell in enumerate(as_sent)]
    record = Record(row_before.number, now)
    known = known_in_blnk(client, wanted([record], mapping), mapping)
    checker = Checker(shape, mapping, known, connection.custom_currencies, import_.accepted.currencies)
    checked = checker.check(record)
    wrong = [one.message for row in checked for one in row.problems if one.severity == "error"]
    if wrong:
        raise StillWrong(list(dict.fromkeys(wrong)))
    changes: list[tuple[int, int | None, str, str]] = [
        (row_before.number, at, old, new)
        for at, (old, new) in enumerate(zip(as_sent, now, strict=True))
        if old != new
    ]
    return _Repaired(_the_one(checked, row_before), now, changes)


def _the_one(checked: list[CheckedRow], row_before: StoredRow) -> CheckedRow:
    """The balance of this row, if its record makes several."""
    found = [one for one in checked if not row_before.part or one.part in ("", row_before.part)]
    found = [
        one
        for one in found
        if not row_before.part or (one.request and one.request["currency"] == row_before.part)
    ]
    if any(one.balance_id for one in checked):
        raise StillWrong(["Leave the balance id empty. A row that names its balance is never sent."])
    if len(found) != 1 or found[0].request is None:
        if row_before.part:
            raise StillWrong(
                [f"This row is the {row_before.part} balance of its line. Keep {row_before.part} in it."]
            )
        raise StillWrong(["With these values the row would create several balances. It must create one."])
    return found[0]


def _make_ready(
    tx: Connection, import_: Import, row_before: StoredRow, repaired: _Repaired, who: Actor
) -> bool:
    _refuse_a_key_of_another(tx, import_, repaired)
    ref = _ref(tx, import_, row_before, repaired.checked)
    new = new_row(import_.id, repaired.cells, replace(repaired.checked, keep_ref=ref), ())
    moved = move(
        tx,
        [row_before.id],
        from_=RowState.REFUSED,
        to=RowState.READY,
        cells=orjson.dumps(new.cells).decode(),
        ledger_id=new.ledger_id,
        currency=new.currency,
        body=new.body,
        ref=ref,
        problems=problems.to_json(new.problems),
        balance_id=None,
        message=None,
        server_error=None,
        server_errors=0,
        approval=None,  # the approved request is not the one that is sent now
    )
    if not moved:
        return False
    edits.add(tx, import_.number, repaired.changes, who=who)
    over = [ImportState.DONE, ImportState.VERIFYING]
    move_import(tx, import_.number, from_=over, to=ImportState.RUNNING, finished_at=None)
    columns = tuple(at for _, at, _, _ in repaired.changes if at is not None)
    detail = Particulars(label=row_before.label, columns=columns)
    note(
        tx, import_.number, who=who, what=EventKind.REPAIRED_AND_SENT_AGAIN, row=row_before.id, detail=detail
    )
    return True


def _refuse_a_key_of_another(tx: Connection, import_: Import, repaired: _Repaired) -> None:
    """A reference value may be in one row only. Checked if it was changed."""
    column = import_.mapping.column(Use.REFERENCE) if import_.mapping else None
    if column is None or column.position not in {at for _, at, _, _ in repaired.changes}:
        return
    key = repaired.cells[column.position].strip()
    holds_it = tables.rows.c.cells.contains(orjson.dumps(key).decode()[1:-1], autoescape=True)
    mine = tables.rows.c.import_ == import_.number
    for number, cells in tx.execute(select(tables.rows.c.number, tables.rows.c.cells).where(mine, holds_it)):
        listed = orjson.loads(cells)
        if number != repaired.checked.number and listed[column.position].strip() == key:
            raise StillWrong(
                [f"“{shown(key)}” is also in row {number:,}, and “{shown(column.header)}” is a unique key."]
            )


def _ref(tx: Connection, import_: Import, row_before: StoredRow, checked: CheckedRow) -> str:
    """A ref that no other row of the import has: the row's own if its content is the same as before."""
    assert checked.hash is not None
    old = refs.parse_ref(row_before.ref or "")
    salt = old.salt if old else None
    if old is not None and old.hash == checked.hash:
        return refs.make_ref(old.hash, old.occurrence, salt)
    n = 0
    while (other := _has(tx, import_.number, ref := refs.make_ref(checked.hash, n, salt))) is not None:
        if checked.match is not None:
            raise StillWrong([f"With these values the row is the same balance as row {shown(other)}."])
        n += 1
    return ref


def _has(tx: Connection, import_: int, ref: str) -> str | None:
    """The row with this ref, in the import or in those where its rows are fixed, if any."""
    family = fix_families.family(tx, import_)
    found = tx.execute(
        select(tables.rows.c.number).where(row_blocks.of_imports(tx, family), tables.rows.c.ref == ref)
    ).scalar()
    return None if found is None else f"{found:,}"
