"""Who is signed in, for people with permission, and ending someone's session."""

import streamlit as st

from blnk_api.access.acts import Act
from blnk_api.sign_in import session_acts
from blnk_api.sign_in_settings import SignIn
from blnk_api.store.people.sessions import Session
from blnk_api.wording import phrases
from blnk_api.wording.whole_desk import about_sessions
from pages.kit import look
from pages.kit.context import Visit

_LAST = 10


def show(visit: Visit) -> None:
    sign_in = visit.desk.settings.sign_in
    if sign_in is None or visit.who is None or not visit.who.may(Act.SEE_SESSIONS, None):
        return
    zone = phrases.zone(st.context.timezone)
    st.subheader("Signed in")
    st.caption(
        "Ending a session stops that person's next action in every tab. To keep someone out, take their "
        "roles away."
    )
    with st.container(border=True, key="sessions"):
        for one in session_acts.open_ones(visit.desk, sign_in, visit.who):
            _line(visit, sign_in, one)
    with st.expander("Last sign-ins"), st.container(gap=None):
        for one in session_acts.last(visit.desk, visit.who, limit=_LAST):
            st.caption(look.safe(about_sessions.history(one, sign_in, zone)))
    if lists := session_acts.last_lists(visit.desk, visit.who, limit=_LAST):
        with st.expander("Last downloads of lists"), st.container(gap=None):
            for list_ in lists:
                st.caption(look.safe(about_sessions.downloaded(list_, zone)))


def _line(visit: Visit, sign_in: SignIn, session: Session) -> None:
    zone = phrases.zone(st.context.timezone)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        with st.container(gap=None, width="stretch"):
            st.markdown(f"**{look.safe(about_sessions.called(session.who))}**")
            st.caption(look.safe(about_sessions.used(session, sign_in, zone)))
            if session.who.groups_left_out:
                st.caption("Signed in without groups: roles that are given to groups do not count for them.")
        st.button("End session", key=f"end-session-{session.id}", on_click=_end, args=[visit, session.id])


def _end(visit: Visit, session_id: int) -> None:
    assert visit.who is not None
    session_acts.end(visit.desk, visit.who, session_id)
