"""Connection health: one line for each check, with what to do if something is wrong."""

import time

import streamlit as st

from blnk_api.desk import health, startup_check
from blnk_api.desk.health import Check, Verdict
from blnk_api.wording import phrases
from pages.kit import look
from pages.kit.context import Visit

_SIGNS = {
    Verdict.FINE: (":green[:material/check_circle:]", "OK"),
    Verdict.LOOK: (":orange[:material/warning:]", "Check this"),
    Verdict.FAILED: (":red[:material/error:]", "Failed"),
    Verdict.UNKNOWN: (":gray[:material/help:]", "Unknown"),
}
_GOOD_SECONDS = 60


def show(visit: Visit) -> None:
    """Checks run when the page is opened, and again when the button is clicked."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader("Connection health")
        again = st.button("Check again", icon=":material/refresh:")
    if again:
        _checked.clear()
    found, at = _checked(visit, visit.credentials())
    startup_check.remember(visit.connected(), found)
    failed = [one for one in found if one.verdict is Verdict.FAILED]
    if failed:
        look.problem(f"{len(failed)} of {phrases.plural(len(found), 'check')} failed.")
    with st.container(border=True, key="checks", gap="small"):
        for one in found:
            _line(one)
    st.caption(f"Checked on {phrases.when(at, phrases.zone(st.context.timezone))}.")


@st.cache_data(ttl=_GOOD_SECONDS, max_entries=50, show_spinner="Checking…")
def _checked(_visit: Visit, credentials: int) -> tuple[list[Check], float]:
    return list(health.run(_visit.desk, _visit.connected(), _visit.sending())), time.time()


def _line(one: Check) -> None:
    sign, word = _SIGNS[one.verdict]
    with st.container(gap=None):
        st.markdown(f"{sign} **{one.question}** {look.safe(one.answer)}")
        if one.do:
            st.caption(f"{word}. {look.safe(one.do)}")
        look.details(one.details)
