"""What is wrong with a file, or worth knowing, in groups with row numbers."""

from typing import Any

import streamlit as st

from blnk_api import file_words
from blnk_api.imports.journal.imports import Import
from pages.parts import look

_SHOWN = 30

_TITLES = {
    "error": "Has to be put right",
    "warning": "Please check",
    "note": "Good to know",
}


def show_problems(import_: Import) -> None:
    found: list[dict[str, Any]] = import_.totals.get("problems", [])
    for severity, title in _TITLES.items():
        group = [one for one in found if one.get("severity") == severity]
        if not group:
            continue
        with st.expander(f"{title} · {len(group):,}", expanded=severity != "note"):
            for one in group[:_SHOWN]:
                _problem(one)
            if len(group) > _SHOWN:
                st.caption(
                    f"And {len(group) - _SHOWN:,} more kinds. The download says of each row what is wrong."
                )


def _problem(one: dict[str, Any]) -> None:
    rows, count = one.get("rows", []), int(one.get("count", 1))
    with st.container(gap=None):
        st.markdown(look.safe(one["message"]))
        if rows and rows != ["0"]:
            column = f" · column {one['column']}" if one.get("column") else ""
            st.caption(
                look.safe(f"{'Row' if count == 1 else 'Rows'} {file_words.row_labels(rows, count)}{column}")
            )
