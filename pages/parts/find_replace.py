"""Finds a text in one column of a draft and puts another in its place."""

import streamlit as st

from blnk_api import file_words
from blnk_api.imports import repairing
from blnk_api.imports.journal.imports import Import
from pages.parts import person, putting_right
from pages.parts.visit import Visit


def show(visit: Visit, import_: Import) -> None:
    headers = file_words.columns(import_)
    with st.expander("Find and replace in a column", key=f"replace-{import_.id}"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            column = st.selectbox("Column", headers, index=None, key=f"replace-in-{import_.id}")
            find = st.text_input("Find", key=f"replace-find-{import_.id}")
            put = st.text_input("Put in its place", key=f"replace-put-{import_.id}")
        whole = st.checkbox(
            "Only cells that hold exactly this", value=True, key=f"replace-whole-{import_.id}"
        )
        if not st.button("Replace in all rows", key=f"replace-go-{import_.id}", disabled=column is None):
            return
        putting_right.apply(
            import_,
            lambda: repairing.replace_all(
                visit.desk.journal,
                import_.id,
                position=headers.index(str(column)),
                find=find,
                put=put,
                whole_cell=whole,
                who=person.or_nobody(visit),
            ),
            nothing="No cell holds this.",
        )
