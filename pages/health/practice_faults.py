"""Practice only: faults to switch on, so that a team sees what an interrupted import looks like."""

import streamlit as st

from blnk_api.access.actors import NotAllowed
from blnk_api.access.acts import Act
from blnk_api.practice import fault_switches
from blnk_api.practice.fault_switches import FAULT_SWITCHES, PracticeUnreachable
from pages.kit import look, permission, person
from pages.kit.context import Visit

_KEY = "practice-fault"


def show(visit: Visit) -> None:
    st.subheader("Simulate faults")
    st.write(
        "See what an interrupted import looks like before it matters: whatever happens, each row becomes "
        "exactly one balance. A fault affects everyone who uses this Practice."
    )
    folder = visit.desk.settings.data_dir
    try:
        current = fault_switches.current(folder)
    except PracticeUnreachable as shut:
        look.warning(str(shut))
        return
    keys = list(FAULT_SWITCHES)
    st.session_state[_KEY] = current
    chosen = st.radio(
        "Fault",
        keys,
        index=None,
        key=_KEY,
        format_func=lambda key: FAULT_SWITCHES[key].label,
        captions=[FAULT_SWITCHES[key].means for key in keys],
        disabled=not permission.offered(visit, Act.SIMULATE_FAULTS),
        on_change=_choose,
        args=[visit],
    )
    if chosen is None:
        st.caption("A different fault was set elsewhere. Choosing one here replaces it.")


def _choose(visit: Visit) -> None:
    key = st.session_state[_KEY]
    try:
        fault_switches.choose(visit.desk.settings.data_dir, key, who=person.or_nobody(visit))
    except (PracticeUnreachable, NotAllowed) as shut:
        st.toast(str(shut))
