"""A part of a page that refreshes automatically, and can redraw the whole page."""

from collections.abc import Callable

import streamlit as st

from blnk_api.access.acts import Act
from pages.kit import context, permission


def show(what: Callable[[Callable[[], None]], None], *, every: float | None) -> None:
    """Draws `what` now, and again every `every` seconds.

    The function passed to `what` redraws the whole page, but does nothing in the run that draws the page: a
    click may have started that run, and would be lost.
    """
    is_drawn = False

    def redraw_page() -> None:
        if is_drawn:
            st.rerun()

    @st.fragment(run_every=every)
    def part() -> None:
        if is_drawn and (context.is_signed_out() or not permission.may(context.current(), Act.VIEW)):
            st.rerun()  # the page will say so
        what(redraw_page)

    part()
    is_drawn = True
