"""One import that was confirmed or cancelled: progress, downloads, rows."""

import streamlit as st

from blnk_api import words
from blnk_api.imports.journal.imports import Import
from pages.parts import downloads, look, progress, rows_table
from pages.parts.visit import Visit


def show(visit: Visit, import_: Import) -> None:
    look.heading(words.title(import_))
    zone = words.zone(st.context.timezone)
    said = f"Uploaded by {words.actor(import_.who)} on {words.when(import_.created_at, zone)}"
    if import_.confirmed_by and import_.confirmed_at:
        said += (
            f"; confirmed by {words.actor(import_.confirmed_by)} on {words.when(import_.confirmed_at, zone)}"
        )
    st.caption(look.safe(said))
    progress.show(visit, import_)
    downloads.show(visit, import_)
    rows_table.show(visit, import_)
    progress.show_events(visit, import_)
