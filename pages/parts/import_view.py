"""One import that was confirmed or cancelled: progress, receipt, downloads, rows; or one row of it."""

import streamlit as st

from blnk_api import words
from blnk_api.imports.journal.imports import Import
from pages.parts import (
    changes,
    downloads,
    existing,
    look,
    notes,
    progress,
    receipt,
    row_link,
    row_view,
    rows_table,
)
from pages.parts.visit import Visit


def show(visit: Visit, import_: Import) -> None:
    if label := row_link.label():
        row_view.show(visit, import_, label)
        return
    look.heading(words.title(import_))
    zone = words.zone(st.context.timezone)
    said = f"Uploaded by {words.actor(import_.who)} on {words.when(import_.created_at, zone)}"
    if import_.confirmed_by and import_.confirmed_at:
        said += (
            f"; confirmed by {words.actor(import_.confirmed_by)} on {words.when(import_.confirmed_at, zone)}"
        )
    st.caption(look.safe(said))
    if import_.purged_at is not None:
        st.info(
            f"The file and what its rows held were thrown away on {words.when(import_.purged_at, zone)}, as "
            "the settings say. Balance ids, statuses, notes and receipts stay.",
            icon=":material/delete_sweep:",
        )
    progress.show(visit, import_)
    receipt.show(visit, import_)
    downloads.show(visit, import_)
    rows_table.show(visit, import_)
    existing.show(visit, import_)
    notes.on_import(visit, import_)
    changes.show(visit, import_)
    progress.show_events(visit, import_)
    look.scroll_if_it_begins()
