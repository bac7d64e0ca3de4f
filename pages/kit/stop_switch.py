"""The switch that stops all sending: the banner while sending is stopped, and the switch itself."""

import streamlit as st

from blnk_api.access.actors import NotAllowed
from blnk_api.access.acts import Act
from blnk_api.desk.desk import Desk
from blnk_api.settings import Connection, Instance
from blnk_api.store import instance_numbers
from blnk_api.store.sending import stops
from blnk_api.store.sending.stops import StopEvent
from blnk_api.wording import about_stops, phrases
from pages.kit import look, permission, person
from pages.kit.context import Visit

_LAST = 5


def say(desk: Desk, holding: list[StopEvent]) -> None:
    zone = phrases.zone(st.context.timezone)
    for one in holding:
        look.problem(about_stops.in_force(one, desk.settings, zone))


def banner(visit: Visit) -> None:
    """On every page: what keeps this visit's instance from sending."""
    if not visit.stops:
        return
    say(visit.desk, list(visit.stops))
    st.page_link("connection.py", label="Start sending again", query_params=visit.query())


@st.cache_data(ttl=1, max_entries=50, show_spinner=False)
def _now(_desk: Desk, database_url: str, instance: Instance | None) -> tuple[StopEvent, ...]:
    """Read once a second for everyone who is watching."""
    with _desk.store.read() as tx:
        return tuple(stops.holding(tx, instance))


def has_changed(visit: Visit) -> bool:
    """Whether the switch was used since this page was drawn; for parts that refresh automatically."""
    return _now(visit.desk, visit.desk.settings.database_url, visit.instance) != visit.stops


def switch(visit: Visit, connection: Connection) -> None:
    """For the whole desk and for one instance, with the person who used it last."""
    st.subheader("Stop sending")
    st.caption(about_stops.MEANS)
    with visit.desk.store.read() as tx:
        pressed = stops.last(tx, limit=_LAST)
        underway = stops.on_their_way(tx, None)
    holding = {one.instance for one in visit.stops}
    with st.container(border=True):
        with st.container(horizontal=True):
            _button(visit, None, "all connections", is_stopped=None in holding)
            if len(visit.desk.settings.connections) > 1 or connection.instance in holding:
                _button(
                    visit,
                    connection.instance,
                    look.safe(connection.label),
                    is_stopped=connection.instance in holding,
                )
        if holding:
            st.caption(about_stops.on_their_way(underway))
        zone = phrases.zone(st.context.timezone)
        for one in pressed:
            st.caption(look.safe(about_stops.pressed(one, visit.desk.settings, zone)))


def _button(visit: Visit, instance: Instance | None, whose: str, *, is_stopped: bool) -> None:
    label = f"Start sending for {whose}" if is_stopped else f"Stop sending for {whose}"
    icon = ":material/play_arrow:" if is_stopped else ":material/block:"
    act = Act.START_SENDING if is_stopped else Act.STOP_SENDING
    if not permission.offered_in(visit, act, instance):
        return
    if not st.button(label, icon=icon, key=f"stop-{'desk' if instance is None else 'instance'}"):
        return
    try:
        with visit.desk.store.write() as tx:
            number = None if instance is None else instance_numbers.number_for(tx, instance)
            (stops.start if is_stopped else stops.stop)(tx, number, who=person.or_nobody(visit))
    except NotAllowed as refused:
        look.problem(str(refused))
    else:
        st.rerun()
