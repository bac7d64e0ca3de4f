"""How a file is read, where what was found out is wrong: sheet, encoding, separator, row of the names."""

import streamlit as st

from blnk_api.drafts.edits import editing
from blnk_api.drafts.edits.editing import NotRepairable
from blnk_api.files import ENCODINGS, ReadOptions
from blnk_api.store.imports import Import
from blnk_api.wording import about_files
from pages.kit import look, person
from pages.kit.context import Visit

_DELIMITERS = (",", ";", "\t", "|")


def show(visit: Visit, import_: Import) -> None:
    """The choices, and a button that reads the file again."""
    shape, key = import_.shape or {}, f"read-{import_.id}-{import_.version}"
    chosen: dict[str, object] = {}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if shape.get("kind") == "xlsx":
            sheets = [str(one) for one in shape.get("sheets", [])]
            if len(sheets) > 1:
                at = sheets.index(shape["sheet"]) if shape.get("sheet") in sheets else 0
                chosen["sheet"] = st.selectbox("Sheet", sheets, index=at, key=f"{key}-sheet")
        else:
            encodings = list(ENCODINGS)
            at = encodings.index(shape["encoding"]) if shape.get("encoding") in encodings else 0
            chosen["encoding"] = st.selectbox(
                "Letters are written as", encodings, index=at, key=f"{key}-encoding", format_func=str.upper
            )
            at = _DELIMITERS.index(shape["delimiter"]) if shape.get("delimiter") in _DELIMITERS else 0
            chosen["delimiter"] = st.selectbox(
                "Columns are separated by",
                _DELIMITERS,
                index=at,
                key=f"{key}-delimiter",
                format_func=about_files.delimiter,
            )
        chosen["header_row"] = st.number_input(
            "Row with the column names (0: none)",
            min_value=0,
            max_value=1_000,
            value=int(shape.get("header_row") or (0 if shape else 1)),
            key=f"{key}-header",
        )
        pressed = st.button("Read it so", key=f"{key}-go")
    if import_.counts:
        st.caption("The columns are then matched anew, and what was changed in rows here is forgotten.")
    if pressed:
        try:
            editing.read_as(
                visit.desk.journal,
                import_.id,
                ReadOptions.model_validate(chosen),
                who=person.or_nobody(visit),
            )
        except NotRepairable as problem:
            look.problem(str(problem))
        else:
            st.rerun()
