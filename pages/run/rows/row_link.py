"""The row of an import in the address: `?import=ID&row=LABEL` opens that row."""

from typing import NoReturn

import streamlit as st

_PARAMETER = "row"


def label() -> str | None:
    """The row in the address, besides its import."""
    return st.query_params.get(_PARAMETER)


def query(row_label: str) -> dict[str, str]:
    """What a link to a row contains besides the import's."""
    return {_PARAMETER: row_label}


def point_at(row_label: str) -> None:
    """Opens this row in the next run; for a button's on_click outside of fragments."""
    st.query_params[_PARAMETER] = row_label


def open_now(row_label: str) -> NoReturn:
    """Opens this row on the whole page at once, wherever this is called."""
    point_at(row_label)
    st.rerun()


def leave() -> None:
    """Back to the import."""
    st.query_params.pop(_PARAMETER, None)
