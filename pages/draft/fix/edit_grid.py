"""The rows that cannot be sent as they stand, as a grid: a changed cell is kept and checked at once.

The grid stays as it is while somebody works in it; what became of its rows is told above it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import streamlit as st

from blnk_api.drafts.edits import editing
from blnk_api.drafts.edits.editing import Edit, NotRepairable
from blnk_api.store import rows
from blnk_api.store.imports import Import
from blnk_api.store.rows import StoredRow
from blnk_api.store.states import RowState, Stage
from blnk_api.wording import about_files, phrases
from pages.kit import look, person
from pages.kit.context import Visit

_ROWS = 100
_ROW, _WRONG, _LEAVE_OUT = "Row", "Problem", "Skip"


@dataclass
class _Grid:
    """What is shown. `version` is the draft's; `is_own` says that this visit has changed it since."""

    version: int
    after: int
    """The id of the row before the first."""
    generation: int
    rows: list[StoredRow]
    is_own: bool = False
    seen: dict[tuple[int, str], object] = field(default_factory=dict)
    """What was written down already, by the record's number and the column."""


def show(visit: Visit, import_: Import) -> None:
    invalid = import_.counts.get(RowState.INVALID, 0)
    grid = _grid(visit, import_)
    if not grid.rows:
        return
    st.subheader("Fix rows")
    _told(visit, import_, grid)
    key = f"repair-{import_.id}-{grid.generation}"
    headers = about_files.columns(import_, taken=(_ROW, _WRONG, _LEAVE_OUT))
    with st.container(key="repair-grid"):
        st.data_editor(
            _frame(grid.rows, headers),
            key=key,
            hide_index=True,
            num_rows="fixed",
            disabled=[_ROW, _WRONG],
            on_change=_keep,
            args=[visit, import_, grid, key, headers],
            column_config={
                _ROW: st.column_config.TextColumn(width=60, pinned=True),
                _WRONG: st.column_config.TextColumn(width=300),
                _LEAVE_OUT: st.column_config.CheckboxColumn(width=105, help="This row is not sent."),
            },
        )
    if invalid > len(grid.rows):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"Showing {len(grid.rows):,} of {invalid:,} invalid rows.", width="content")
            st.button("Show next rows", on_click=_renew, args=[import_.id, grid.rows[-1].id])
            if grid.after:
                st.button("Show first rows", on_click=_renew, args=[import_.id])


def _grid(visit: Visit, import_: Import) -> _Grid:
    """What the grid shows: renewed when others changed the draft, kept while this visit edits in it."""
    name = f"repairing-{import_.id}"
    grid: _Grid | None = st.session_state.get(name)
    is_stale = grid is None or (grid.version != import_.version and not grid.is_own)
    if is_stale and (grid is None or import_.stage is Stage.CHECKED):
        after = grid.after if grid else 0
        with visit.desk.store.read() as tx:
            found = editing.problem_rows(tx, import_, after=after, limit=_ROWS)
        grid = _Grid(import_.version, after, grid.generation + 1 if grid else 0, found)
        st.session_state[name] = grid
    assert grid is not None
    return grid


def _renew(id: str, after: int = 0) -> None:
    name = f"repairing-{id}"
    st.session_state[name] = replace(st.session_state[name], version=-1, is_own=False, after=after)


def forget(id: str) -> None:
    """The next look at the draft shows its rows as they are then."""
    st.session_state.pop(f"repairing-{id}", None)


def _frame(found: list[StoredRow], headers: list[str]) -> dict[str, Sequence[object]]:
    ours: dict[str, Sequence[object]] = {
        _ROW: [row.label for row in found],
        _WRONG: [about_files.wrong(row) for row in found],
        _LEAVE_OUT: [False] * len(found),
    }
    cells = {header: [row.cells[at] for row in found] for at, header in enumerate(headers)}
    return {**ours, **cells}


def _keep(visit: Visit, import_: Import, grid: _Grid, key: str, headers: list[str]) -> None:
    """Writes down what was changed since the last time. The editor tells all of its changes each time."""
    places = {header: at for at, header in enumerate(headers)}
    who = person.or_nobody(visit)
    edits: list[Edit] = []
    out: list[int] = []
    back: list[int] = []
    for line, cells in st.session_state[key]["edited_rows"].items():
        number = grid.rows[int(line)].number
        for column, value in cells.items():
            if grid.seen.get((number, column), False if column == _LEAVE_OUT else None) == value:
                continue
            grid.seen[number, column] = value
            if column == _LEAVE_OUT:
                (out if value else back).append(number)
            else:
                edits.append(Edit(number, places[column], value or ""))
    grid.is_own = True
    try:
        store = visit.desk.store
        editing.edit(store, import_.id, edits, who=who)
        if out:
            editing.leave_out(store, import_.id, out, who=who)
        if back:
            editing.take_in(store, import_.id, back, who=who)
    except NotRepairable as problem:
        look.problem(str(problem))


def _told(visit: Visit, import_: Import, grid: _Grid) -> None:
    """What became of the rows of the grid since it was drawn."""
    if not grid.is_own:
        st.caption(
            "A change is saved as soon as you leave the cell, and the row is checked again right away."
        )
        return
    numbers = {row.number for row in grid.rows}
    with visit.desk.store.read() as tx:
        now = rows.of_records(tx, import_.number, numbers)
    wrong = [row for row in now if row.state is RowState.INVALID]
    right = len(numbers) - len({row.number for row in wrong})
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{phrases.plural(right, 'row')} fixed or skipped, {len(wrong):,} still invalid.**",
            width="content",
        )
        left = import_.counts.get(RowState.INVALID, 0)
        st.button(
            f"Show {phrases.plural(left, 'remaining row')}",
            on_click=_renew,
            args=[import_.id],
            disabled=not left,
        )
    changed = {number for number, _ in grid.seen}
    for row in [row for row in wrong if row.number in changed][:5]:
        st.caption(look.safe(f"Row {row.label}: {about_files.wrong(row)}"))
