"""A draft's rows as a table: all, invalid, with warnings or skipped. The faulty cell is marked, and the
selected one can be edited below.

The table does not change while a person works in it: a fixed row says so in its place.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from blnk_api.currencies import Severity
from blnk_api.drafts.edits.edited_records import RecordEdits
from blnk_api.drafts.guide import steps
from blnk_api.drafts.guide.grid_lines import Line, lines_of
from blnk_api.store import rows
from blnk_api.store.imports import Import
from blnk_api.store.people import edits
from blnk_api.store.states import WORDS, RowState
from blnk_api.wording import about_files, phrases
from pages.draft.fix import cell_editor
from pages.draft.fix.table_state import Shown, forget, keep, kept
from pages.kit.context import Visit

if TYPE_CHECKING:
    import pandas as pd

_PAGE_ROWS = 100
_FIT = 10
_HEIGHT = 400
_OURS = ("Row", "Status", "Problem")
_BEFORE = 2
"""Our own columns before those of the file."""
_ALL, _INVALID, _WARNINGS, _SKIPPED = "All", "Invalid", "Warnings", "Skipped"
_VIEWS = (_ALL, _INVALID, _WARNINGS, _SKIPPED)
_NONE = {
    _ALL: "No rows.",
    _INVALID: "No invalid rows.",
    _WARNINGS: "No rows with warnings.",
    _SKIPPED: "No skipped rows.",
}
_MARKS = {
    "error": "background-color: #fbd9d5; color: #7a1c14",
    "warning": "background-color: #fcebc4; color: #6b4500",
}
"""CSS does not apply inside a grid, which is a canvas. Both colors are set, so that it is readable in dark
mode."""


def show(visit: Visit, import_: Import) -> None:
    shown = _shown(visit, import_)
    st.subheader("Rows")
    key = f"view-{import_.id}"
    st.segmented_control(
        "Rows shown",
        _VIEWS,
        default=shown.view,
        required=True,
        key=key,
        format_func=lambda view: _label(import_, view),
        label_visibility="collapsed",
        on_change=_choose_view,
        args=[visit, import_, key],
    )
    lines = _lines(visit, import_, shown)
    if not lines:
        st.write(_NONE[shown.view])
        return
    _progress(visit, import_, shown, lines)
    left, right = st.columns([5, 3])
    with left:
        _grid(import_, shown, lines)
        _pager(visit, import_, shown)
    chosen = next((one for one in lines if shown.chosen and one.row.number == shown.chosen[0]), None)
    with right, st.container(border=True, key="cell-editor"):
        if chosen is None or shown.chosen is None:
            st.caption("Select a cell to see what is wrong with it, and to change it.")
        else:
            cell_editor.show(visit, import_, chosen, shown.chosen[1], shown)


def _label(import_: Import, view: str) -> str:
    counts = import_.counts
    match view:
        case "Invalid":
            return f"Invalid ({counts.get(RowState.INVALID, 0):,})"
        case "Skipped":
            return f"Skipped ({counts.get(RowState.LEFT_OUT, 0):,})"
        case "All":
            return f"All ({import_.row_count:,})"
    return view


def _shown(visit: Visit, import_: Import) -> Shown:
    """Read again if others changed the draft, kept while this visit edits cells in it."""
    shown = kept(import_.id)
    if shown is None:
        view = _INVALID if import_.counts.get(RowState.INVALID, 0) else _ALL
        shown = _read(visit, import_, view, [0])
    elif shown.version != import_.version and not shown.is_own and not steps.is_being_checked(import_):
        chosen = shown.chosen
        shown = _read(visit, import_, shown.view, shown.places)
        shown.chosen = chosen if chosen and chosen[0] in shown.numbers else None
    return shown


def _read(visit: Visit, import_: Import, view: str, places: list[int]) -> Shown:
    states = {_INVALID: [RowState.INVALID], _SKIPPED: [RowState.LEFT_OUT]}.get(view)
    severity: Severity | None = "warning" if view == _WARNINGS else None
    with visit.desk.store.read() as tx:
        found = rows.page(
            tx,
            import_.number,
            states=states,
            severity=severity,
            after=places[-1],
            limit=_PAGE_ROWS + 1,
        )
    numbers = list(dict.fromkeys(row.number for row in found[:_PAGE_ROWS]))
    shown = Shown(view, import_.version, places, numbers, len(found) > _PAGE_ROWS)
    keep(import_.id, shown)
    return shown


def _choose_view(visit: Visit, import_: Import, key: str) -> None:
    _read(visit, import_, st.session_state[key] or _ALL, [0])


def _lines(visit: Visit, import_: Import, shown: Shown) -> list[Line]:
    with visit.desk.store.read() as tx:
        found = rows.of_records(tx, import_.number, shown.numbers)
        overlay = RecordEdits.of(edits.of_records(tx, import_.number, shown.numbers))
    return lines_of(found, overlay)


def _status(line: Line) -> str:
    if line.is_being_checked:
        return "Checking"
    return "Ready" if line.row.state is RowState.READY else WORDS[line.row.state]


def _problems(line: Line) -> str:
    if line.is_being_checked:
        return ""
    return " ".join(one.message for one in line.problems) or line.row.message or ""


def _grid(import_: Import, shown: Shown, lines: Sequence[Line]) -> None:
    # Imported here: see app.py.
    import pandas as pd

    headers = about_files.columns(import_, taken=_OURS)
    frame = pd.DataFrame(
        {
            "Row": [str(one.row.number) for one in lines],
            "Status": [_status(one) for one in lines],
            **{header: [one.cells[at] for one in lines] for at, header in enumerate(headers)},
            "Problem": [_problems(one) for one in lines],
        }
    )
    # Part of the key, because a selection is a position, which means another row after reading again.
    key = f"rows-of-{import_.id}-{shown.view}-{shown.places[-1]}-{shown.version}"
    with st.container(key="row-table"):
        st.dataframe(
            frame.style.apply(_marked, axis=None, lines=lines, headers=headers),
            hide_index=True,
            key=key,
            height=_HEIGHT if len(lines) > _FIT else "content",
            on_select=lambda: _choose_cell(shown, lines, headers, key),
            selection_mode="single-cell",
            column_config={
                "Row": st.column_config.TextColumn(width=60, pinned=True),
                "Status": st.column_config.TextColumn(width=90),
                "Problem": st.column_config.TextColumn(width=280),
            },
        )


def _marked(frame: "pd.DataFrame", lines: Sequence[Line], headers: Sequence[str]) -> "pd.DataFrame":
    marks = frame.map(lambda _: "")
    for at, line in enumerate(lines):
        for position, severity in line.faulty.items():
            marks.iat[at, _BEFORE + position] = _MARKS[severity]
    return marks


def _choose_cell(shown: Shown, lines: Sequence[Line], headers: Sequence[str], key: str) -> None:
    cells = st.session_state[key].selection.cells
    if not cells or cells[0][0] >= len(lines):
        return
    at, column = cells[0]
    line = lines[at]
    first = next(iter(line.faulty), 0)
    shown.chosen = line.row.number, headers.index(column) if column in headers else first


def _progress(visit: Visit, import_: Import, shown: Shown, lines: Sequence[Line]) -> None:
    """What became of the rows of the table since it was read."""
    if not shown.is_own or shown.view != _INVALID:
        return
    wrong = sum(one.row.state is RowState.INVALID and not one.is_being_checked for one in lines)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{phrases.plural(len(lines) - wrong, 'row')} fixed or skipped, {wrong:,} still invalid.**",
            width="content",
        )
        left = import_.counts.get(RowState.INVALID, 0)
        st.button(
            f"Show {phrases.plural(left, 'remaining row')}",
            on_click=forget,
            args=[import_.id],
            disabled=not left,
        )


def _pager(visit: Visit, import_: Import, shown: Shown) -> None:
    if not shown.has_more and len(shown.places) == 1:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Previous rows",
            disabled=len(shown.places) == 1,
            on_click=_turn,
            args=[visit, import_, shown, shown.places[:-1]],
        )
        st.button("Next rows", disabled=not shown.has_more, on_click=_forward, args=[visit, import_, shown])


def _forward(visit: Visit, import_: Import, shown: Shown) -> None:
    with visit.desk.store.read() as tx:
        last = rows.of_records(tx, import_.number, shown.numbers[-1:])[-1].id
    _turn(visit, import_, shown, [*shown.places, last])


def _turn(visit: Visit, import_: Import, shown: Shown, places: list[int]) -> None:
    _read(visit, import_, shown.view, places)
