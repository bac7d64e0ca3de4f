"""An import that was confirmed or canceled: progress, receipt, downloads, rows; or one of its rows."""

import streamlit as st

from blnk_api.store.imports import Import
from blnk_api.store.states import ImportState
from blnk_api.wording import about_imports, phrases
from pages.approval import panel, waiting_page
from pages.balance import notes_panel
from pages.draft import edit_history
from pages.kit import look, person
from pages.kit.context import Visit
from pages.run import browser_notice, downloads, fix_links, progress_panel, receipt_links
from pages.run.rows import create_again, row, row_link, rows_table


def show(visit: Visit, import_: Import) -> None:
    if label := row_link.label():
        row.show(visit, import_, label)
        return
    if import_.state is ImportState.WAITING:
        waiting_page.show(visit, import_)
        return
    look.heading(about_imports.title(import_))
    zone = phrases.zone(st.context.timezone)
    origin = f"Uploaded by {person.called(visit, import_.who)} on {phrases.when(import_.created_at, zone)}"
    if import_.confirmed_by and import_.confirmed_at and not import_.needs_approval:
        confirmed_at = phrases.when(import_.confirmed_at, zone)
        origin += f"; confirmed by {person.called(visit, import_.confirmed_by)} on {confirmed_at}"
    st.caption(look.safe(origin))
    fix_links.source_of(visit, import_)
    if import_.purged_at is not None:
        st.info(
            f"The file and its row data were deleted on {phrases.when(import_.purged_at, zone)}, "
            "as configured in the settings. Balance ids, statuses, notes and receipts are kept.",
            icon=":material/delete_sweep:",
        )
    panel.approved(visit, import_)
    asks_name = progress_panel.show(visit, import_)
    browser_notice.tell(import_)
    receipt_links.show(visit, import_)
    downloads.show(visit, import_)
    rows_table.show(visit, import_)
    create_again.show(visit, import_, asks_name=not asks_name)
    notes_panel.on_import(visit, import_)
    edit_history.show(visit, import_)
    progress_panel.show_events(visit, import_)
    look.scroll_if_it_begins()
