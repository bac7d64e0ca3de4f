"""How a file is read, to correct what was detected: sheet, encoding, separator, header row."""

from collections.abc import Sequence

import streamlit as st

from blnk_api.access.actors import NotAllowed
from blnk_api.drafts.edits import file_choices
from blnk_api.drafts.edits.editing import NotRepairable
from blnk_api.facts.file_shape import ReadOptions
from blnk_api.files import ENCODINGS
from blnk_api.store.imports import Import
from blnk_api.wording import about_files
from pages.kit import look, person
from pages.kit.context import Visit

_DELIMITERS = (",", ";", "\t", "|")


def _place(choices: Sequence[str], detected: str | None) -> int:
    return choices.index(detected) if detected in choices else 0


def show(visit: Visit, import_: Import) -> None:
    """The choices, and a button that reads the file again."""
    shape, key = import_.shape, f"read-{import_.id}-{import_.version}"
    with st.form(f"{key}-form", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        if shape and shape.kind == "xlsx":
            if len(shape.sheets) > 1:
                at = _place(shape.sheets, shape.sheet)
                st.selectbox("Sheet", shape.sheets, index=at, key=f"{key}-sheet")
        else:
            encodings = list(ENCODINGS)
            at = _place(encodings, shape.encoding if shape else None)
            st.selectbox("Encoding", encodings, index=at, key=f"{key}-encoding", format_func=str.upper)
            at = _place(_DELIMITERS, shape.delimiter if shape else None)
            st.selectbox(
                "Separator",
                _DELIMITERS,
                index=at,
                key=f"{key}-delimiter",
                format_func=about_files.delimiter,
            )
        st.number_input(
            "Header row (0 if there is none)",
            min_value=0,
            max_value=1_000,
            value=shape.header_row if shape else 1,
            key=f"{key}-header_row",
        )
        st.form_submit_button("Apply", key=f"{key}-go", on_click=_read, args=[visit, import_, key])
    if import_.counts:
        st.caption("The columns are then mapped again, and edits made to rows here are discarded.")
    if problem := st.session_state.pop(f"{key}-problem", ""):
        look.problem(problem)


def _read(visit: Visit, import_: Import, key: str) -> None:
    """Applies the choices at the time of the click."""
    names = ("sheet", "encoding", "delimiter", "header_row")
    chosen = {
        name: st.session_state[f"{key}-{name}"] for name in names if f"{key}-{name}" in st.session_state
    }
    try:
        file_choices.read_as(
            visit.desk.store,
            import_.id,
            ReadOptions.model_validate(chosen | {"saved_mapping": import_.options.saved_mapping}),
            who=person.or_nobody(visit),
        )
    except (NotRepairable, NotAllowed) as problem:
        st.session_state[f"{key}-problem"] = str(problem)
