"""Imports: all of them and a month's totals; or, with an import in the link, that one."""

import streamlit as st

from blnk_api.imports.journal.states import ImportState
from pages.parts import history, import_view, month, visit

here = visit.current()

if here.import_ is None:
    st.title("Imports")
    views = ["All imports", "A month's totals"]
    view = st.segmented_control(
        "View",
        views,
        default=views[0],
        required=True,
        key="view",
        bind="query-params",
        label_visibility="collapsed",
    )
    if view == views[0]:
        history.show(here)
    else:
        month.show(here)
elif here.import_.state is ImportState.DRAFT:
    history.show_draft(here, here.import_)
else:
    import_view.show(here, here.import_)
