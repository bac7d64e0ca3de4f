"""A file on its way to being confirmed: what was understood, what is wrong, what would be created."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from blnk_api.drafts import drafts
from blnk_api.reports.results import Variant
from blnk_api.store import import_acts
from blnk_api.store.imports import Import
from blnk_api.store.states import BEING_CHECKED, WORDS, ImportState, RowState, Stage
from blnk_api.wording import about_files, phrases
from pages.draft import column_choices, confirm, edit_history, reading_options
from pages.draft.fix import edit_grid, find_replace, fix_in_workbook, skipped_rows
from pages.draft.fix.problem_list import show_problems
from pages.kit import auto_refresh, banner, look
from pages.kit.context import Visit
from pages.run import downloads, progress_panel

_LONG_FILE_ROWS = 20_000


def show(visit: Visit, import_: Import) -> None:
    look.heading(phrases.title(import_))
    zone = phrases.zone(st.context.timezone)
    st.caption(
        look.safe(
            f"Uploaded by {phrases.actor(import_.who)} on {phrases.when(import_.created_at, zone)}. "
            "You can share this page with a colleague. Nothing is sent to Blnk until the import is confirmed."
        )
    )
    if import_.stage in BEING_CHECKED:
        auto_refresh.show(partial(_watch, visit, import_), every=visit.desk.settings.waits.form_refresh)
    if import_.stage is Stage.UNREADABLE:
        look.problem(import_.problem or "The file cannot be used.")
        with st.expander("File settings", key=f"read-{import_.id}"):
            reading_options.show(visit, import_)
        st.write("Nothing was sent. Correct the file and import it again.")
        _discard(visit, import_, "Import another file")
        return
    if import_.stage is Stage.MATCHING:
        look.warning(import_.problem or "Map the columns to continue.")
    if import_.stage is Stage.CHECKED or import_.look_again is not None:
        _checked(visit, import_)
    _understood(visit, import_)
    if import_.stage is Stage.CHECKED and drafts.to_create(import_):
        if confirm.show(visit, import_, drafts.to_create(import_), import_.counts.get(RowState.INVALID, 0)):
            look.begin_at_the_top()
            st.rerun()
    elif import_.stage is Stage.CHECKED:
        st.write("There are no balances to create.")
    edit_history.show(visit, import_)
    progress_panel.show_events(visit, import_)
    is_empty = import_.stage is Stage.CHECKED and not drafts.to_create(import_)
    _discard(visit, import_, "Import another file" if is_empty else "Discard draft")


def _watch(visit: Visit, seen: Import, draw_page_anew: Callable[[], None]) -> None:
    import_ = visit.reload(seen.id)
    assert import_ is not None
    moved = import_.stage not in BEING_CHECKED or import_.version != seen.version
    was_read = seen.shape is None and import_.shape is not None
    if moved or was_read or import_.state is not ImportState.DRAFT:
        draw_page_anew()
        return
    st.status(phrases.headline(import_), type="compact", state="running")
    expected = import_.shape.rows_estimate if import_.shape else 0
    if import_.stage is Stage.CHECKING and expected > _LONG_FILE_ROWS:
        st.progress(min(1.0, import_.stage_progress / expected))
    if import_.problem:
        look.warning(f"{import_.problem} The check continues automatically.")
    banner.sending_here(visit, import_)


def _checked(visit: Visit, import_: Import) -> None:
    """What the check found; while a repair is being checked, as it was before it."""
    totals = (
        ("Ready", drafts.to_create(import_), None),
        (WORDS[RowState.EXISTS], import_.counts.get(RowState.EXISTS, 0), "Nothing is sent for these rows."),
        ("Invalid", import_.counts.get(RowState.INVALID, 0), "Nothing is sent for these rows."),
        (
            WORDS[RowState.LEFT_OUT],
            import_.counts.get(RowState.LEFT_OUT, 0),
            "Nothing is sent for these rows.",
        ),
    )
    with st.container(horizontal=True):
        for label, n, hint in totals:
            if n or label in ("Ready", "Invalid"):
                st.metric(label, f"{n:,}", border=True, width="content", help=hint)
    for sentence in import_.totals.not_checked:
        look.warning(sentence)
    show_problems(visit, import_)
    edit_grid.show(visit, import_)
    if import_.counts.get(RowState.INVALID, 0):
        fix_in_workbook.show(visit, import_)
        find_replace.show(visit, import_)
        downloads.link(visit, import_, Variant.ALL, "All rows, with problems")
    skipped_rows.show(visit, import_)


def _understood(visit: Visit, import_: Import) -> None:
    if import_.shape is None:
        return
    st.write(look.safe(about_files.reading(import_)))
    with st.expander("File settings", key=f"read-{import_.id}"):
        reading_options.show(visit, import_)
    if import_.mapping is not None:
        waits = import_.stage is Stage.MATCHING
        with st.expander("Columns", expanded=waits, key=f"columns-{import_.id}"):
            column_choices.show(visit, import_)


def _discard(visit: Visit, import_: Import, label: str) -> None:
    if st.button(label, key=f"discard-{import_.id}"):
        with visit.desk.store.write() as tx:
            import_acts.cancel(tx, import_.number, who=visit.who or import_.who)
        st.query_params.pop("import", None)
        st.rerun()
