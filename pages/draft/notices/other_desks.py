"""Before anything is sent: whether another desk creates balances in the same Blnk instance."""

import streamlit as st

from blnk_api.desk import other_desks_today
from blnk_api.desk.other_desks_today import OtherDesksToday
from blnk_api.errors import BlnkError
from blnk_api.wording import phrases
from pages.kit import look
from pages.kit.context import Visit


def show(visit: Visit) -> None:
    if found := _others(visit, visit.credentials()):
        look.warning(other_desks_today.sentence(found, phrases.zone(st.context.timezone)))


@st.cache_data(ttl=30, max_entries=50, show_spinner=False)
def _others(_visit: Visit, credentials: int) -> OtherDesksToday | None:
    """Nothing if Blnk does not answer: this is only information, and delays nobody."""
    try:
        with _visit.desk.client(_visit.connected()) as client:
            return other_desks_today.others_today(_visit.desk.store, client)
    except BlnkError:
        return None
