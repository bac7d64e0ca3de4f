"""One import that was confirmed or cancelled: progress, downloads, rows."""

import streamlit as st

from blnk_api import routes, words
from blnk_api.imports import results
from blnk_api.imports.journal.imports import Import
from blnk_api.imports.results import Variant
from pages.parts import look, progress, rows_table
from pages.parts.visit import Visit

_LABELS = {
    Variant.ALL: "All rows",
    Variant.NOT_CREATED: "Not created",
    Variant.CREATED: "Created",
}
_HELP = {
    Variant.ALL: "Your columns, then balance id, status, message and reference.",
    Variant.NOT_CREATED: "Rows without a balance. Put them right and import this file as it is.",
    Variant.CREATED: "Rows whose balance exists, with its id.",
}


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
    st.subheader("Download")
    with st.container(horizontal=True):
        for variant, label in _LABELS.items():
            if count := results.count(import_, variant):
                url = routes.download_url(visit.desk.links, import_.id, variant)
                text = f"{label} ({count:,})" if import_.is_over else label
                st.link_button(text, url, help=_HELP[variant], icon=":material/download:")
    rows_table.show(visit, import_)
    progress.show_events(visit, import_)
