"""Replaces a text in one column of a draft."""

import streamlit as st

from blnk_api.drafts.edits import editing
from blnk_api.drafts.edits.editing import NotRepairable
from blnk_api.store.imports import Import
from blnk_api.wording import about_files, phrases
from pages.draft.fix import undo_lines
from pages.kit.context import Visit

_KEY = "replaced"


def show(visit: Visit, import_: Import) -> None:
    headers = about_files.columns(import_)
    column, find, put, whole = (f"replace-{what}-{import_.id}" for what in ("in", "find", "put", "whole"))

    def replace() -> int:
        chosen = st.session_state.get(column)
        if chosen is None:
            raise NotRepairable("Choose the column to replace in.")
        changed = editing.replace_all(
            visit.desk.store,
            import_.id,
            position=headers.index(chosen),
            find=st.session_state.get(find) or "",
            put=st.session_state.get(put) or "",
            whole_cell=bool(st.session_state.get(whole)),
            **undo_lines.by(visit),
        )
        if not changed:
            raise NotRepairable("No matching cells.")
        return changed

    with st.expander("Find and replace", key=f"replace-{import_.id}"):
        with st.form(f"replace-form-{import_.id}", border=False):
            with st.container(horizontal=True, vertical_alignment="bottom"):
                st.selectbox("Column", headers, index=None, key=column)
                st.text_input("Find", key=find)
                st.text_input("Replace with", key=put)
            st.checkbox("Match entire cell", value=True, key=whole)
            st.form_submit_button(
                "Replace in all rows",
                key=f"replace-go-{import_.id}",
                on_click=undo_lines.act,
                args=[
                    visit,
                    import_,
                    _KEY,
                    replace,
                    lambda n: f"Replaced in {phrases.plural(n, 'cell')}.",
                ],
            )
        if _KEY in undo_lines.of(import_).done:
            undo_lines.line(import_, _KEY)
