"""Imports: all of them and a month's totals; or, with an import in the link, that import."""

import streamlit as st

from blnk_api.store.states import ImportState
from pages.history import imports_list, month
from pages.kit import context
from pages.run import import_page

here = context.current()

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
        imports_list.show(here)
    else:
        month.show(here)
elif here.import_.state is ImportState.DRAFT:
    imports_list.back()
    imports_list.show_draft(here, here.import_)
else:
    imports_list.back()
    import_page.show(here, here.import_)
