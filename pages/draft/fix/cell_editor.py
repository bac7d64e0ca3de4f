"""Edits one cell of a draft: shows its problem in full, and replaces its text."""

import streamlit as st

from blnk_api.drafts.edits import editing, skipping
from blnk_api.drafts.edits.editing import Edit
from blnk_api.drafts.guide.grid_lines import Line
from blnk_api.drafts.writing.merging import LEFT_OUT_BY_A_PERSON
from blnk_api.store.imports import Import
from blnk_api.store.states import RowState
from blnk_api.wording import about_files
from pages.draft.fix import undo_lines, value_choice
from pages.draft.fix.table_state import Shown
from pages.kit import look
from pages.kit.context import Visit


def show(visit: Visit, import_: Import, line: Line, position: int, table: Shown) -> None:
    number = line.row.number
    column = about_files.column(import_, position)
    key = f"{import_.id}-{number}-{position}"

    def put(new: str) -> None:
        table.is_own = True
        undo_lines.act(
            visit,
            import_,
            "cell",
            lambda: editing.edit(
                visit.desk.store, import_.id, [Edit(number, position, new)], **undo_lines.by(visit)
            ),
            lambda _: f"Row {number}: {column} is now {f'“{new}”' if new else 'empty'}.",
            nothing="Nothing was changed: the cell already has this value.",
            keeps_table=True,
        )

    st.markdown(f"**Row {number} · {look.safe(column)}**")
    _problems(line, position)
    use = next((one.use for one in import_.columns if one.position == position), None)
    now = line.cells[position]
    st.caption(look.safe(f"Now: {now}" if now else "Now: empty"))
    value_choice.choose(
        visit,
        import_,
        use,
        f"cell-{key}",
        label=f"New value for {look.label(column)}",
        button="Apply",
        put=put,
        now=now,
    )
    _skip(visit, import_, line, table)
    if "cell" in undo_lines.of(import_).done:
        undo_lines.line(import_, "cell")


def _problems(line: Line, position: int) -> None:
    """The problems of the cell, and of the row as a whole."""
    if line.is_being_checked:
        st.caption("This row is being checked.")
        return
    for one in line.problems:
        if one.position in (position, None):
            sign = ":red[:material/error:]" if one.severity == "error" else ":orange[:material/warning:]"
            st.markdown(f"{sign} {look.safe(one.message)}")
    if not line.problems and line.row.message:
        st.caption(look.safe(line.row.message))


def _skip(visit: Visit, import_: Import, line: Line, table: Shown) -> None:
    number = line.row.number
    is_skipped = line.row.state is RowState.LEFT_OUT
    if is_skipped and line.row.why != LEFT_OUT_BY_A_PERSON:
        return

    def act() -> None:
        table.is_own = True
        change = skipping.take_in if is_skipped else skipping.leave_out
        undo_lines.act(
            visit,
            import_,
            "cell",
            lambda: change(visit.desk.store, import_.id, [number], **undo_lines.by(visit)),
            lambda _: f"Row {number} is {'included' if is_skipped else 'skipped'}.",
            keeps_table=True,
        )

    st.button(
        "Include row" if is_skipped else "Skip row", key=f"skip-row-{import_.id}-{number}", on_click=act
    )
