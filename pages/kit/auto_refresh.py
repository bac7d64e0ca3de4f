"""What looks at the store by itself, and draws the page anew when there is another one to show."""

from collections.abc import Callable

import streamlit as st


def show(what: Callable[[Callable[[], None]], None], *, every: float | None) -> None:
    """Draws `what` now, and again by itself every so many seconds.

    What it is handed draws the whole page anew, but does nothing in the very run that draws the page:
    somebody's press may have begun it, and would be lost with it.
    """
    is_drawn = False

    def draw_page_anew() -> None:
        if is_drawn:
            st.rerun()

    @st.fragment(run_every=every)
    def part() -> None:
        what(draw_page_anew)

    part()
    is_drawn = True
