"""Filters the list of balances: a search field, further conditions, and a chip for each active one.

Each field is stored in the address under its key.
"""

from collections.abc import Sequence

import streamlit as st

from blnk_api.desk import balance_text
from blnk_api.desk.balance_search import Wanted
from blnk_api.store import imports, instance_numbers
from blnk_api.store.imports import Import
from blnk_api.store.search import import_search
from blnk_api.store.search.import_search import Search
from pages.kit import look
from pages.kit.context import Visit

TEXT = "find"
_MOST_IMPORTS = 50
_BY_ID = "opened-by-its-id"
_FIELDS = {
    "ledger": ("Ledger", "Name contains…, or exact id"),
    "currency": ("Currency", "USD"),
    "identity": ("Identity", "Name, email or id"),
    "indicator": ("Indicator", "@fees"),
    "made": ("Created by import", "File name contains…, or exact id"),
    "key": ("Metadata key", "customer_number"),
    "value": ("Metadata value", "Exact value"),
}


def show(visit: Visit) -> tuple[str, Wanted]:
    """Draws the filter. Returns the text, which is not yet interpreted, and the other conditions."""
    text = st.text_input(
        "Search balances",
        key=TEXT,
        bind="query-params",
        type="search",
        icon=":material/search:",
        placeholder="Balance id, metadata value, import or @indicator",
    ).strip()
    if text.startswith("bln_"):
        _open(text)
    with st.container(horizontal=True, vertical_alignment="bottom", key="balance-filters"):
        with st.popover("Filters", icon=":material/filter_list:"):
            conditions = {key: _field(key, *_FIELDS[key]) for key in _FIELDS}
        _chips({key: value for key, value in conditions.items() if value})
    wanted = Wanted(
        ledger=conditions["ledger"],
        currency=conditions["currency"],
        identity=conditions["identity"],
        indicator=conditions["indicator"],
        key=conditions["key"],
        value=conditions["value"],
    )
    if conditions["made"]:
        wanted = balance_text.made_by(wanted, called(visit, conditions["made"]))
    return text, wanted


def called(visit: Visit, text: str) -> list[Import]:
    """The imports of this connection that the text refers to: one by its id, or the newest ones with this
    name."""
    with visit.desk.store.read() as tx:
        if text.startswith("imp_"):
            found = [imports.find(tx, text)]
            return [one for one in found if one is not None and one.instance == visit.instance]
        number = instance_numbers.known_number(tx, visit.connected().instance)
        search = Search(file=text, instance=number)
        return [] if number is None else import_search.search(tx, search, limit=_MOST_IMPORTS)


def forget() -> None:
    """Clears all conditions."""
    for key in (TEXT, *_FIELDS):
        st.session_state[key] = ""


def close_balance() -> None:
    """Back to the list. An id that was typed does not open its balance again."""
    st.query_params.pop("id", None)
    if st.session_state.pop(_BY_ID, False):
        st.session_state[TEXT] = ""


def _field(key: str, label: str, placeholder: str) -> str:
    return st.text_input(label, key=key, bind="query-params", placeholder=placeholder).strip()


def _chips(conditions: dict[str, str]) -> None:
    """One chip for each condition. Clicking it removes the condition."""
    if conditions:
        st.pills(
            "Remove a filter",
            list(conditions),
            key="-".join(["chips", *conditions]),
            format_func=lambda key: f"{_FIELDS[key][0]}: {look.safe(conditions[key], 40)} :material/close:",
            label_visibility="collapsed",
            on_change=_remove,
            args=[tuple(conditions)],
        )


def _remove(conditions: Sequence[str]) -> None:
    key = st.session_state.get("-".join(["chips", *conditions]))
    if key is not None:
        st.session_state[key] = ""


def _open(id: str) -> None:
    # The text leaves the address with its field, which the next run does not draw: Streamlit forbids to
    # remove it here.
    st.query_params["id"] = id
    st.session_state[_BY_ID] = True
    st.rerun()
