"""The second step of a draft: the mapping of its columns."""

import streamlit as st

from blnk_api.store.imports import Import
from blnk_api.store.states import Stage
from pages.draft import column_choices
from pages.draft.fix import problem_list
from pages.kit import look
from pages.kit.context import Visit


def show(visit: Visit, import_: Import) -> None:
    st.subheader("Columns")
    if import_.mapping is None or import_.shape is None:
        st.write("The columns appear once the file has been read.")
        return
    if import_.stage is Stage.MATCHING:
        look.warning(import_.problem or "Map the columns to continue.")
    problem_list.about_columns(import_)
    column_choices.show(visit, import_)
