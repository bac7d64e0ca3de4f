"""What the table of a draft's rows shows, kept for the visit: it does not change under a person's hands."""

from dataclasses import dataclass

import streamlit as st


@dataclass
class Shown:
    """What the table shows. `version` is the draft's; `is_own` says that a cell was changed here since."""

    view: str
    version: int
    places: list[int]
    """After which row each page begins that was opened on the way to this one."""
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
    """The next look at the draft shows its rows as they are then."""
    shown = kept(id)
    if shown is not None:
        shown.is_own, shown.version = False, -1
