"""Filters the list of imports: a search field, and chips for the rest. Each is stored in the address."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import date, datetime, time, timedelta, tzinfo

import streamlit as st

from blnk_api.settings import Instance
from blnk_api.store.search import import_search
from blnk_api.store.search.import_search import Search
from blnk_api.store.states import ImportState
from blnk_api.wording import about_imports, phrases
from pages.kit.context import Visit

ALL = "All connections"
_NEEDS = "Needs you"
_STATES: Mapping[str, ImportState | None] = {
    _NEEDS: None,
    **{about_imports.STATE[state]: state for state in ImportState},
}
_EARLIER = ("file", "person", "balance")
"""Separate fields in the addresses of earlier versions."""


def show(visit: Visit, zone: tzinfo, instances: Mapping[int, Instance]) -> Search:
    """Draws the filter. Returns the search, limited to these instances, which are all that may be seen."""
    _take_over_earlier()
    text = st.text_input(
        "Search imports",
        key="q",
        bind="query-params",
        type="search",
        icon=":material/search:",
        placeholder="File name, person, balance id or a row's unique key",
    )
    with st.container(horizontal=True, vertical_alignment="bottom", key="filters"):
        instance = _instance(visit, instances)
        state = _state(visit, instances if instance is None else [instance])
        first, last = _days()
    return Search(
        text=(text or "").strip(),
        state=_STATES.get(state or ""),
        needs=about_imports.NEEDS_SOMEONE if state == _NEEDS else (),
        instance=instance,
        created_from=_midnight(first, zone),
        created_before=_midnight(last + timedelta(days=1) if last else None, zone),
    )


def forget() -> None:
    """Clears all conditions."""
    st.session_state["q"] = ""
    for key in ("state", "from", "until"):
        st.session_state[key] = None
    if "where" in st.session_state:
        st.session_state["where"] = ALL


def _take_over_earlier() -> None:
    earlier = [st.query_params[name] for name in _EARLIER if st.query_params.get(name)]
    for name in _EARLIER:
        st.query_params.pop(name, None)
    if earlier:
        st.session_state["q"] = " ".join(earlier)


def _state(visit: Visit, among: Collection[int]) -> str | None:
    """Only states that occur, and the chosen one."""
    with visit.desk.store.read() as tx:
        known = import_search.states_of(tx, among)
    chosen = st.session_state.get("state", st.query_params.get("state"))
    offered = [name for name, state in _STATES.items() if state is None or state in known or name == chosen]
    return st.pills("State", offered, key="state", bind="query-params", label_visibility="collapsed")


def _instance(visit: Visit, instances: Mapping[int, Instance]) -> int | None:
    """The number of the chosen instance, by default this connection's if it has imports. Hidden if there are
    fewer than two."""
    if len(instances) < 2:
        return None
    named = {
        phrases.instance(one, visit.desk.settings.connection_of(one)): number
        for number, one in instances.items()
    }
    own = ALL
    if visit.connection is not None and visit.connection.instance in instances.values():
        own = phrases.instance(visit.connection.instance, visit.connection)
    chosen = st.pills(
        "Connection",
        [*named, ALL],
        default=own,
        required=True,
        key="where",
        bind="query-params",
        label_visibility="collapsed",
    )
    return named.get(chosen or ALL)


def _days() -> tuple[date | None, date | None]:
    chosen = _day("from"), _day("until")
    label = "Dates" if not any(chosen) else f"Dates: {phrases.days(*chosen)}"
    with st.popover(label, icon=":material/calendar_month:"):
        first = st.date_input("From", value=None, key="from", bind="query-params")
        last = st.date_input("Until", value=None, key="until", bind="query-params")
    return first, last


def _day(key: str) -> date | None:
    """The contents of a field that is drawn below. In the first run only the address has it."""
    if key in st.session_state:
        value: date | None = st.session_state[key]
        return value
    with suppress(ValueError):
        return date.fromisoformat(st.query_params.get(key, ""))
    return None


def _midnight(day: date | None, zone: tzinfo) -> float | None:
    return None if day is None else datetime.combine(day, time(), zone).timestamp()
