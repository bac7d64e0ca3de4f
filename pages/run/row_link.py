"""Which row of an import the address names: `?import=ID&row=LABEL` lands on that row."""

from typing import NoReturn

import streamlit as st

_PARAMETER = "row"


def label() -> str | None:
    """The row that the address names, beside its import."""
    return st.query_params.get(_PARAMETER)


def query(row_label: str) -> dict[str, str]:
    """What a link to a row carries beside the import's."""
    return {_PARAMETER: row_label}


def point_at(row_label: str) -> None:
    """The page is this row's from its next run on; for a button's on_click outside of fragments."""
    st.query_params[_PARAMETER] = row_label


def open_now(row_label: str) -> NoReturn:
    """The whole page is this row's now, wherever this is called."""
    point_at(row_label)
    st.rerun()


def leave() -> None:
    """Back to the import."""
    st.query_params.pop(_PARAMETER, None)
