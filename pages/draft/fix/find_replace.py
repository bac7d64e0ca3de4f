"""Finds a text in one column of a draft and puts another in its place."""

import streamlit as st

from blnk_api.drafts.edits import editing
from blnk_api.store.imports import Import
from blnk_api.wording import about_files
from pages.draft.fix import apply_edit
from pages.kit import person
from pages.kit.context import Visit


def show(visit: Visit, import_: Import) -> None:
    headers = about_files.columns(import_)
    with st.expander("Find and replace", key=f"replace-{import_.id}"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            column = st.selectbox("Column", headers, index=None, key=f"replace-in-{import_.id}")
            find = st.text_input("Find", key=f"replace-find-{import_.id}")
            put = st.text_input("Replace with", key=f"replace-put-{import_.id}")
        whole = st.checkbox("Match entire cell", value=True, key=f"replace-whole-{import_.id}")
        if not st.button("Replace in all rows", key=f"replace-go-{import_.id}", disabled=column is None):
            return
        apply_edit.apply(
            import_,
            lambda: editing.replace_all(
                visit.desk.store,
                import_.id,
                position=headers.index(str(column)),
                find=find,
                put=put,
                whole_cell=whole,
                who=person.or_nobody(visit),
            ),
            nothing="No matching cells.",
        )
