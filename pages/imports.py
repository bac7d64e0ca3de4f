"""Imports: all of them, newest first; or, with an import in the link, that one."""

import streamlit as st

from blnk_api.imports.journal.states import ImportState
from pages.parts import history, import_view, visit

here = visit.current()

if here.import_ is None:
    st.title("Imports")
    history.show(here)
elif here.import_.state is ImportState.DRAFT:
    history.show_draft(here, here.import_)
else:
    import_view.show(here, here.import_)
