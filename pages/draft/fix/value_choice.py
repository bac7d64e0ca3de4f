"""Chooses a new value for cells: from a list if there is one, otherwise typed."""

from collections.abc import Callable

import streamlit as st

from blnk_api import currencies
from blnk_api.facts.mapping import Use
from blnk_api.models import GENERAL_LEDGER_ID
from blnk_api.store.imports import Import
from pages.balance import form
from pages.kit import look
from pages.kit.context import Visit
from pages.kit.picker import pick, searched

_LISTED = 200
"""The most values in a list. More are searched for."""
_LACKING = {
    Use.LEDGER: "Choose a ledger first.",
    Use.CURRENCY: "Choose a currency first.",
    Use.IDENTITY: "Choose an identity first, or enter an id.",
}
"""Shown if nothing was chosen."""
_FIXED = {
    Use.LINEAGE: ("true", "false"),
    Use.ALLOCATION_STRATEGY: ("FIFO", "LIFO", "PROPORTIONAL"),
}


def choose(
    visit: Visit,
    import_: Import,
    use: Use | None,
    key: str,
    *,
    label: str,
    button: str,
    put: Callable[[str], None],
    now: str = "",
) -> None:
    """The field and its button. `put` receives the new text. A click counts with the field's contents at that
    time."""
    field = f"value-{key}"
    lacking = _LACKING.get(use, "Choose a value first.") if use is not None else ""
    ledgers = ledger_names(import_) if use is Use.LEDGER else {}
    if use is Use.IDENTITY or len(ledgers) > _LISTED:
        search = form.ledgers(visit) if use is Use.LEDGER else form.identities(visit)
        pick(label, field, search=search, placeholder="Search by name, or paste an id", list_first=True)
        _say_what_is_missing(field)
        st.button(button, key=f"put-{key}", on_click=_put_picked, args=[field, put, lacking])
        return
    with st.form(f"form-{key}", border=False):
        _field(visit, use, field, label, ledgers, now)
        _say_what_is_missing(field)
        st.form_submit_button(button, key=f"put-{key}", on_click=_put_typed, args=[field, put, lacking])


def _field(visit: Visit, use: Use | None, field: str, label: str, ledgers: dict[str, str], now: str) -> None:
    if use is Use.LEDGER and ledgers:
        names = sorted(ledgers, key=str.casefold)
        st.selectbox(label, names, index=None, key=field, placeholder="Choose a ledger")
    elif use is Use.CURRENCY:
        custom = visit.connection.custom_currencies if visit.connection else frozenset()
        st.selectbox(
            label,
            currencies.choices(custom),
            index=None,
            key=field,
            placeholder="Choose a currency",
            filter_mode="fuzzy",
            format_func=currencies.label,
        )
    elif use in _FIXED:
        st.selectbox(label, _FIXED[use], index=None, key=field, placeholder="Choose a value")
    else:
        st.text_input(label, now, key=field)


def ledger_names(import_: Import) -> dict[str, str]:
    """The possible texts of a ledger cell, with their ids: a name, or the id if several ledgers share the
    name."""
    known = {GENERAL_LEDGER_ID: "General Ledger", **import_.totals.ledger_names}
    names = list(known.values())
    return {(name if names.count(name) == 1 else id): id for id, name in known.items()}


def _put_typed(field: str, put: Callable[[str], None], lacking: str) -> None:
    value = st.session_state.get(field)
    if value is None:
        st.session_state[_lacks(field)] = lacking
    else:
        put(str(value))


def _put_picked(field: str, put: Callable[[str], None], lacking: str) -> None:
    picked = st.session_state.get(field)
    typed = searched(field)
    if picked or typed:
        put(picked[0] if picked else typed)
    else:
        st.session_state[_lacks(field)] = lacking


def _lacks(field: str) -> str:
    return f"{field}-lacks"


def _say_what_is_missing(field: str) -> None:
    """Shown at the field until the next action."""
    if lacking := st.session_state.pop(_lacks(field), ""):
        look.problem(lacking)
