"""Asks for a name, once per browser. Others see it marked as not verified."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from blnk_api.access.actors import Actor
from blnk_api.sign_in import signed_in
from blnk_api.store.people import people
from blnk_api.wording import phrases
from pages.kit import look
from pages.kit.context import Visit

FIELD = "your-name"
_IS_DONE = "name-is-done"
_PROBLEM = "problem-with-name"
_ENTER_NAME = "Enter your name. It is shown with your actions here."


def name_field(visit: Visit) -> None:
    """The field, if no name is known yet."""
    if visit.who is None:
        _field()


def _field(on_change: Callable[[], None] | None = None) -> None:
    st.text_input(
        "Your name",
        key=FIELD,
        max_chars=people.MAX_NAME_CHARACTERS,
        help="Shown with your actions here. Asked once per browser, and not verified.",
        on_change=on_change,
    )


def first_step(visit: Visit) -> None:
    """Asks for the viewer's name, if it is not known yet. A typed name is stored at once, before the page is
    drawn, so that whatever the person pressed next is done in the same run."""
    # The place exists even when it is empty: elements that move up on a page are recreated by the
    # browser, and a file that someone is just choosing would be lost.
    place = st.container()
    # The field stays after a name was typed: leaving it by pressing a button below must not move that button
    # away from the pointer.
    if visit.who is not None and (FIELD not in st.session_state or _IS_DONE in st.session_state):
        return
    with place:
        with st.container(border=True, key="first-name", horizontal=True, vertical_alignment="bottom"):
            _field(partial(_keep_typed, visit))
            pressed = st.button("Continue", key="keep-name", on_click=_done, args=[visit])
        if problem := st.session_state.pop(_PROBLEM, None):
            look.problem(problem)
        elif pressed:
            look.problem(_ENTER_NAME)


def _keep_typed(visit: Visit) -> None:
    if typed().strip():
        try:
            keep(visit, typed())
        except ValueError as problem:
            st.session_state[_PROBLEM] = str(problem)


def _done(visit: Visit) -> None:
    if typed().strip() and _PROBLEM not in st.session_state:
        st.session_state[_IS_DONE] = True


def called(visit: Visit, who: Actor) -> str:
    """A name as shown to the viewer, who knows their own."""
    return who.name if visit.who is not None and visit.who.is_same_as(who) else phrases.actor(who)


def or_nobody(visit: Visit) -> Actor:
    """For acts that do not warrant a question: whoever uploaded a file was asked then."""
    return visit.who or signed_in.unverified("unnamed user")


def name(visit: Visit) -> Actor:
    """The known name, or the typed one, which is stored. Raises ValueError with a sentence."""
    if visit.who is not None:
        return visit.who
    if not typed().strip():
        raise ValueError(_ENTER_NAME)
    return keep(visit, typed())


def typed() -> str:
    """The contents of the field."""
    return st.session_state.get(FIELD) or ""


def keep(visit: Visit, name: str) -> Actor:
    """Stores a name for this browser. Raises ValueError with a sentence if it is not usable."""
    with visit.desk.store.write() as tx:
        people.set_name(tx, visit.browser, name)
        known = people.name_of(tx, visit.browser)
    assert known is not None
    return signed_in.unverified(known)
