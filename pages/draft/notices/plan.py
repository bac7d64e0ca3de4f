"""Before anything is sent: whether the plan has room for it. Nothing if the secrets name no plan."""

import streamlit as st

from blnk_api.desk import plan_room
from blnk_api.desk.plan_room import PlanRoom
from blnk_api.errors import BlnkError
from pages.kit import look
from pages.kit.context import Visit


def show(visit: Visit, adds: int) -> None:
    included = visit.connected().records_included
    if included is None:
        return
    found = _room(visit, visit.credentials(), included)
    if found is None:
        st.caption(plan_room.UNKNOWN)
    elif plan_room.is_too_small(found, adds):
        look.warning(plan_room.sentence(found, adds))
    else:
        st.write(plan_room.sentence(found, adds))


@st.cache_data(ttl=30, max_entries=50, show_spinner=False)
def _room(_visit: Visit, credentials: int, included: int) -> PlanRoom | None:
    try:
        with _visit.desk.client(_visit.connected()) as client:
            return plan_room.room(client, included)
    except BlnkError:
        return None
