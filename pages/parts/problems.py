"""What is wrong with a file, or worth knowing, in groups with row numbers."""

from typing import Any

import streamlit as st

from blnk_api import words
from blnk_api.imports.journal.imports import Import

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
            st.dataframe(
                {
                    "What": [one["message"] for one in group],
                    "Column": [one.get("column") or "" for one in group],
                    "How many": [words.plural(int(one.get("count", 1)), "row") for one in group],
                    "Rows": [
                        words.row_labels(one.get("rows", []), int(one.get("count", 1))) for one in group
                    ],
                },
                hide_index=True,
            )
    if any(one.get("severity") == "error" for one in found):
        st.caption("Invalid rows are never sent. They come back as a file, with the reason beside each row.")
