"""Before anything is sent: whether another desk creates balances in the same Blnk."""

import streamlit as st

from blnk_api import words
from blnk_api.errors import BlnkError
from blnk_api.imports import others_today
from blnk_api.imports.others_today import Others
from pages.parts import look
from pages.parts.visit import Visit


def show(visit: Visit) -> None:
    if found := _others(visit, visit.credentials()):
        look.warning(others_today.told(found, words.zone(st.context.timezone)))


@st.cache_data(ttl=30, max_entries=50, show_spinner=False)
def _others(_visit: Visit, credentials: int) -> Others | None:
    """Nothing where Blnk does not answer: it is told, and holds nobody up."""
    try:
        with _visit.desk.client(_visit.connected()) as client:
            return others_today.others_today(_visit.desk.journal, client)
    except BlnkError:
        return None
