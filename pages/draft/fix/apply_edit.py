"""What a person changes in the rows of a draft: done, told, and drawn anew."""

from collections.abc import Callable

import streamlit as st

from blnk_api.drafts.edits.editing import NotRepairable
from blnk_api.drafts.edits.problem_workbook import NotTheseRows
from blnk_api.store.imports import Import
from blnk_api.wording import phrases
from pages.draft.fix import edit_grid
from pages.kit import look


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
    edit_grid.forget(import_.id)
    if changed:
        st.toast(f"{phrases.plural(changed, what)} changed and checked again.")
    st.rerun()
