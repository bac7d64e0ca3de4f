"""Links to an import's results: all rows, what exists, and what can be fixed and imported again."""

import streamlit as st

from blnk_api.files.kinds import FileKind
from blnk_api.reports import results
from blnk_api.reports.results import Variant
from blnk_api.store.imports import Import
from blnk_api.web import routes
from pages.kit.context import Visit

_LABELS = {
    Variant.ALL: "All rows",
    Variant.NOT_CREATED: "Not created",
    Variant.CREATED: "Created",
}
_HELP = {
    Variant.ALL: "Your columns, then balance id, status, message and reference.",
    Variant.NOT_CREATED: "Rows without a balance. Fix them and import this file.",
    Variant.CREATED: "Rows whose balance exists, with its id.",
}
_LABEL_PIXELS = 170
"""So that a line fits on a phone."""


def show(visit: Visit, import_: Import) -> None:
    """The available downloads, with counts only once they no longer change."""
    st.subheader("Download")
    for variant, label in _LABELS.items():
        if count := results.count(import_, variant):
            link(visit, import_, variant, f"{label} ({count:,})" if import_.is_over else label)


def link(visit: Visit, import_: Import, variant: Variant, label: str) -> None:
    """One line: a variant as CSV or XLSX."""
    key = f"download-{variant.replace(' ', '-')}"
    with st.container(horizontal=True, vertical_alignment="center", key=key):
        st.markdown(label, help=_HELP[variant], width=_LABEL_PIXELS)
        for kind in FileKind:
            url = routes.download_url(visit.desk.links, import_.id, variant, kind)
            st.link_button(kind.upper(), url, icon=":material/download:")
