"""An import that waits for approval: the contents of its confirmation step, and the request."""

import streamlit as st

from blnk_api.store.imports import Import
from blnk_api.store.states import RowState
from blnk_api.wording import about_files, about_imports, phrases
from pages.approval import panel
from pages.balance import notes_panel
from pages.draft import confirm_step, edit_history, planned_rows
from pages.draft.fix import problem_list
from pages.kit import look, person
from pages.kit.context import Visit
from pages.run import fix_links, progress_panel
from pages.run.rows import rows_table


def show(visit: Visit, import_: Import) -> None:
    """The preparer and the approver see the same page, with different actions."""
    look.heading(about_imports.title(import_))
    zone = phrases.zone(st.context.timezone)
    uploaded = f"Uploaded by {person.called(visit, import_.who)} on {phrases.when(import_.created_at, zone)}."
    st.caption(look.safe(f"{uploaded} Nobody can change it while it waits."))
    fix_links.source_of(visit, import_)
    with st.container(horizontal=True, vertical_alignment="center"):
        look.state_badge(import_)
        st.markdown(f"**{look.safe(about_imports.headline(import_))}**")
    where = look.place(import_.instance, visit.connection)
    st.markdown(f"In **{where}**. Balances cannot be deleted.")
    if import_.confirmed_at is None:
        st.caption(about_files.row_counts(import_))
        if invalid := import_.counts.get(RowState.INVALID):
            look.warning(about_imports.skips_invalid(invalid))
        problem_list.warnings(import_)
        confirm_step.by_ledger(import_)
        planned_rows.show(visit, import_)
    panel.show(visit, import_)
    rows_table.show(visit, import_)
    notes_panel.on_import(visit, import_)
    edit_history.show(visit, import_)
    progress_panel.show_events(visit, import_)
    look.scroll_if_it_begins()
