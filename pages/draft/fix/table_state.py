"""The contents of the table of a draft's rows, kept for the visit so that it does not change during work."""

from dataclasses import dataclass

import streamlit as st


@dataclass
class Shown:
    """The contents of the table. `version` is the draft's. `is_own`: a cell was changed here since."""

    view: str
    version: int
    places: list[int]
    """The id of the row before each page that was opened on the way to this one."""
    numbers: list[int]
    has_more: bool
    is_own: bool = False
    chosen: tuple[int, int] | None = None
    """A record's number, and the column."""


def _name(id: str) -> str:
    return f"row-table-{id}"


def kept(id: str) -> Shown | None:
    shown: Shown | None = st.session_state.get(_name(id))
    return shown


def keep(id: str, shown: Shown) -> None:
    st.session_state[_name(id)] = shown


def forget(id: str) -> None:
    """The next visit to the draft shows its current rows."""
    shown = kept(id)
    if shown is not None:
        shown.is_own, shown.version = False, -1
