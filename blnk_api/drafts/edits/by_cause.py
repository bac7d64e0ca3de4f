"""Acts on all rows of a cause. Each records ordinary edits of cells, or skips rows."""

from collections.abc import Iterator

from sqlalchemy import Connection

from blnk_api.access.actors import Actor
from blnk_api.drafts.edits import editing, skipping
from blnk_api.drafts.edits.open_draft import open_draft
from blnk_api.drafts.guide.causes import Cause
from blnk_api.drafts.rechecking.change_and_check import AtOnce
from blnk_api.facts.problems import Problem
from blnk_api.store import Store, rows
from blnk_api.store.imports import Import
from blnk_api.store.people.edits import Edit
from blnk_api.store.rows import StoredRow
from blnk_api.store.states import RowState

_PAGE_ROWS = 2_000


def put(store: Store, id: str, cause: Cause, new: str, *, who: Actor, at_once: AtOnce | None = None) -> int:
    """Puts one text into every cell of a cause; "" empties them. Returns how many changed."""
    at = cause.position
    assert at is not None
    with store.read() as tx:
        numbers = [row.number for row, _ in rows_of(tx, open_draft(tx, id, who=who), cause)]
    return editing.edit(store, id, [Edit(number, at, new) for number in numbers], who=who, at_once=at_once)


def put_suggested(store: Store, id: str, cause: Cause, *, who: Actor, at_once: AtOnce | None = None) -> int:
    """Replaces each cell of a cause by its suggestion, if there is one. Returns how many changed."""
    at = cause.position
    assert at is not None
    with store.read() as tx:
        found = rows_of(tx, open_draft(tx, id, who=who), cause)
        edits = [Edit(row.number, at, one.repair) for row, one in found if one.repair]
    return editing.edit(store, id, edits, who=who, at_once=at_once)


def skip(store: Store, id: str, cause: Cause, *, who: Actor, at_once: AtOnce | None = None) -> int:
    """Skips all rows of a cause. Returns the number of records.

    Among equal rows the first stays: the problem is stored with those that repeat it.
    """
    with store.read() as tx:
        numbers = dict.fromkeys(row.number for row, _ in rows_of(tx, open_draft(tx, id, who=who), cause))
    return skipping.leave_out(store, id, numbers, who=who, at_once=at_once)


def rows_of(tx: Connection, import_: Import, cause: Cause) -> Iterator[tuple[StoredRow, Problem]]:
    """The first row of each record with a cause, with the problem, in file order."""
    states = [RowState.INVALID] if cause.severity == "error" else None
    after, number = 0, 0
    while page := rows.page(
        tx, import_.number, states=states, with_problems=True, after=after, limit=_PAGE_ROWS
    ):
        for row in page:
            found = next((one for one in row.problems if is_of(one, cause)), None)
            if found is not None and row.number != number:
                number = row.number
                yield row, found
        after = page[-1].id


def is_of(problem: Problem, cause: Cause) -> bool:
    return (problem.severity, problem.kind, problem.column, problem.position) == (
        cause.severity,
        cause.kind,
        cause.column,
        cause.position,
    )
