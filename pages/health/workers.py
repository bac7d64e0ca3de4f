"""The workers of a desk that has them on machines of their own: what each sends to, and since when."""

import streamlit as st

from blnk_api.store.monitoring.workers import working
from blnk_api.wording import phrases
from blnk_api.wording.whole_desk import about_workers
from pages.kit import look
from pages.kit.context import Visit


def show(visit: Visit) -> None:
    """Nothing where this app alone starts a sender: the fact above says all there is to say."""
    with visit.desk.store.read() as tx:
        found = working(tx)
    if not visit.desk.settings.sender_elsewhere and len(found) <= 1:
        return
    zone = phrases.zone(st.context.timezone)
    st.subheader("Workers")
    if not found:
        look.warning(about_workers.NONE_IS_THERE)
        return
    with st.container(border=True, key="workers"):
        for one in found:
            with st.container(gap=None):
                st.markdown(f"**{look.safe(about_workers.called(one))}**")
                st.caption(look.safe(about_workers.since(one, zone)))
                for line in about_workers.holds(one, visit.desk.settings, zone):
                    st.caption(look.safe(line))
