"""What a person changes in the rows of a draft: done, told, and drawn anew."""

from collections.abc import Callable

import streamlit as st

from blnk_api import words
from blnk_api.imports.journal.imports import Import
from blnk_api.imports.problem_rows import NotTheseRows
from blnk_api.imports.repairing import NotRepairable
from pages.parts import look, repair_grid


def apply(import_: Import, act: Callable[[], int | None], *, what: str = "cell", nothing: str = "") -> None:
    """Does it, and runs the page again. `act` says how many it changed, where it knows; `what` they are.

    `nothing` is said where it changed none; without it the page runs again all the same.
    """
    try:
        changed = act()
    except (NotTheseRows, NotRepairable) as problem:
        look.problem(str(problem))
        return
    if changed == 0 and nothing:
        st.write(nothing)
        return
    repair_grid.forget(import_.id)
    if changed:
        st.toast(f"{words.plural(changed, what)} changed; checked again.")
    st.rerun()
