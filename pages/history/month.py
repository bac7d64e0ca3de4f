"""A month's balances by ledger and currency: a chart, a table, and a download of the single balances."""

import time
from collections.abc import Mapping, Sequence

import streamlit as st

from blnk_api.errors import NothingCreated
from blnk_api.files.kinds import FileKind
from blnk_api.reports import months
from blnk_api.reports.months import Month, MonthTotal
from blnk_api.store import instance_numbers
from blnk_api.web import list_routes
from blnk_api.wording import phrases
from pages.kit import look
from pages.kit.context import Visit

_CHARTED = 12
"""How many ledgers have a bar of their own. The table has all."""


def show(visit: Visit) -> None:
    """For the visit's connection: real and Practice balances are never added up."""
    connection, zone = visit.connected(), visit.desk.settings.time_zone
    with visit.desk.store.read() as tx:
        number = instance_numbers.known_number(tx, connection.instance)
        first = None if number is None else months.since(tx, number, zone)
    if number is None or first is None:
        st.write(
            "No balances have been created here yet. They will be counted here by month, ledger and currency."
        )
        st.page_link("import_file.py", label="Import a file", query_params=visit.query())
        return
    month = _month(first, Month.of(time.time(), zone))
    with st.spinner("Counting…"):
        found = months.totals(visit.desk.store, number, month, zone)
    total = sum(one.n for one in found)
    st.subheader(f"{phrases.plural(total, 'balance')} created in {month.name}")
    st.caption(
        f"In {look.place(connection.instance, connection)}. Months are in the time zone "
        f"{look.safe(str(zone))}. A balance counts in the month in which Balance Desk "
        "learned that it was created."
    )
    if not found:
        return
    names = _names(visit, visit.credentials(), tuple(sorted({one.ledger_id for one in found})))
    _chart(found, names)
    _table(found, names)
    with st.container(horizontal=True, vertical_alignment="center"):
        for kind in FileKind:
            url = list_routes.month_url(visit.desk.links, connection, month, kind)
            st.link_button(f"Download {total:,} as {kind.upper()}", url, icon=":material/download:")
        st.caption("Each with person, time, ledger, currency, balance id, import and row.", width="content")


def _month(first: Month, last: Month) -> Month:
    """The chosen month, with the newest first. It is stored in the address."""
    offered = [last]
    while offered[-1] > first:
        offered.append(offered[-1].before)
    named = {one.name: one for one in offered}
    chosen = st.selectbox("Month", list(named), key="month", bind="query-params", width=220)
    return named[chosen]


@st.cache_data(ttl=300, max_entries=200, show_spinner=False)
def _names(_visit: Visit, credentials: int, ids: tuple[str, ...]) -> Mapping[str, str]:
    """Ledgers' names, as far as Blnk returns them."""
    try:
        with _visit.desk.client(_visit.connected()) as client:
            return {id: ledger.name for id, ledger in client.ledgers_by_id(filter(None, ids)).items()}
    except NothingCreated:
        return {}


def _ledger(names: Mapping[str, str], id: str) -> str:
    return names.get(id) or id or "–"


_COLOURS = ["#4169d8", "#0f9d6b", "#d97706", "#8b5cf6", "#db2777", "#0891b2", "#65a30d", "#7c8798"]
"""They are distinguishable on light and dark backgrounds; the table has the same figures."""

_BARS: dict[str, object] = {
    "mark": {"type": "bar", "cornerRadius": 2},
    "encoding": {
        "y": {"field": "Ledger", "type": "nominal", "sort": "-x", "axis": {"title": None, "labelLimit": 220}},
        "x": {
            "field": "Balances",
            "type": "quantitative",
            "axis": {"title": "Balances created", "format": ",d", "tickMinStep": 1},
        },
        "color": {
            "field": "Currency",
            "type": "nominal",
            "scale": {"range": _COLOURS},
            "legend": {"orient": "top", "title": None},
        },
    },
}


def _chart(found: Sequence[MonthTotal], names: Mapping[str, str]) -> None:
    largest = list(dict.fromkeys(one.ledger_id for one in found))[:_CHARTED]
    shown = [one for one in found if one.ledger_id in largest]
    data = {
        "Ledger": [_ledger(names, one.ledger_id) for one in shown],
        "Currency": [one.currency for one in shown],
        "Balances": [one.n for one in shown],
    }
    summary = phrases.listed(
        [f"{_ledger(names, one.ledger_id)} {one.n:,} in {one.currency}" for one in shown[:5]]
    )
    spec = {**_BARS, "height": {"step": 28}}
    st.vega_lite_chart(data, spec, alt=f"Balances by ledger and currency: {summary}", key="month-chart")


def _table(found: Sequence[MonthTotal], names: Mapping[str, str]) -> None:
    st.dataframe(
        {
            "Ledger": [_ledger(names, one.ledger_id) for one in found],
            "Currency": [one.currency for one in found],
            "Balances": [one.n for one in found],
            "Ledger id": [one.ledger_id for one in found],
        },
        hide_index=True,
        key="month-table",
        height="content" if len(found) <= 15 else 560,
        column_config={"Balances": st.column_config.NumberColumn(format="localized")},
    )
