"""The form's fields and its button. Its id is made with it, so that pressing twice makes one balance."""

import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

import streamlit as st

from blnk_api import currencies
from blnk_api.common.names import fold
from blnk_api.drafts import drafts, form_request, reference_data
from blnk_api.drafts.checking import KnownIndicator
from blnk_api.drafts.drafts import NotConfirmed
from blnk_api.drafts.form_request import Incomplete
from blnk_api.errors import NothingCreated
from blnk_api.models import BalanceRequest
from blnk_api.store import imports
from pages.kit import look, person
from pages.kit.context import Visit
from pages.kit.picker import Choice, put

LEDGER, IDENTITY, CURRENCY = "form-ledger", "form-identity", "form-currency"
INDICATOR, LINEAGE, STRATEGY = "form-indicator", "form-lineage", "form-strategy"
_METADATA, _ID, _PRESSED, _SENT = "form-metadata", "form-id", "form-pressed", "form-sent"

_EDIT_ARRIVES_SECONDS = 0.3
"""A grid tells of its last edit 150 ms later, which may be after a click that followed it."""

_PRESS_COUNTS_SECONDS = 5.0
"""A press that was left behind by going to another page does nothing when someone comes back."""

Pairs = Sequence[dict[str, str | None]]
_NO_PAIRS: Pairs = [{"Name": None, "Value": None}]


@st.cache_data(ttl=20, max_entries=500, show_spinner=False)
def _ledgers(_visit: Visit, credentials: int, text: str) -> list[Choice]:
    with _visit.desk.client(_visit.connected()) as client:
        found = [(one.ledger_id, one.name) for one in client.search_ledgers(text)]
    return sorted(found, key=partial(_by_name, text))


@st.cache_data(ttl=20, max_entries=500, show_spinner=False)
def _identities(_visit: Visit, credentials: int, text: str) -> list[Choice]:
    with _visit.desk.client(_visit.connected()) as client:
        found = client.search_identities(text)
    named = ((one.identity_id, " · ".join(filter(None, (one.name, one.email_address)))) for one in found)
    return sorted(named, key=partial(_by_name, text))


def _by_name(typed: str, choice: Choice) -> tuple[bool, str]:
    """What was typed whole stands first: only the first few are shown."""
    id, name = choice
    whole = fold(typed) in map(fold, (id, name, *name.split(" · ")))
    return not whole, fold(name)


def ledgers(visit: Visit) -> Callable[[str], list[Choice]]:
    return lambda text: _ledgers(visit, visit.credentials(), text)


def identities(visit: Visit) -> Callable[[str], list[Choice]]:
    return lambda text: _identities(visit, visit.credentials(), text)


def currency_field(custom: frozenset[str]) -> str | None:
    return st.selectbox(
        "Currency",
        currencies.choices(custom),
        index=None,
        key=CURRENCY,
        placeholder="Choose a currency",
        filter_mode="fuzzy",  # the closest first; with "contains" Enter takes CHE · WIR Euro for eur
        format_func=currencies.label,
    )


def metadata_grid() -> Pairs:
    """Names and values; what was prefilled is the grid's beginning."""
    grid: Pairs = st.data_editor(
        st.session_state.get(_METADATA, _NO_PAIRS),
        num_rows="dynamic",
        hide_index=True,
        placeholder=" ",
        key=f"{_METADATA}-{_form_id()}",
        column_config={"Name": st.column_config.TextColumn(), "Value": st.column_config.TextColumn()},
    )
    return grid


def more_fields() -> None:
    """What few balances need, each with what it is for."""
    st.text_input(
        "Indicator",
        key=INDICATOR,
        placeholder="@Fees",
        help="A name for this balance in transactions. Only in the General Ledger; starts with @, no spaces.",
    )
    st.checkbox(
        "Track fund lineage",
        key=LINEAGE,
        help="Blnk tracks whose money is in the balance. Requires an identity.",
    )
    st.selectbox(
        "Allocation strategy",
        ("FIFO", "LIFO", "PROPORTIONAL"),
        index=None,
        key=STRATEGY,
        placeholder="Blnk's default",
        help="Whose money is taken first when lineage is tracked: the oldest, the newest, or a part of each.",
    )


def create_button(visit: Visit, ledger: Choice | None, identity: Choice | None, pairs: Pairs) -> None:
    """A press is kept until it is done: an edit that arrives meanwhile begins the run again, with the
    edit."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Create balance", type="primary", key=f"create-{_form_id()}", on_click=_press)
        connection = visit.connected()
        st.caption(f"In {look.place(connection.instance, connection)}. A balance cannot be deleted.")
    if time.monotonic() - st.session_state.get(_PRESSED, -math.inf) > _PRESS_COUNTS_SECONDS:
        if st.session_state.get(_SENT):
            clear()  # someone came back for another one
            st.rerun()
        return
    time.sleep(_EDIT_ARRIVES_SECONDS)
    st.empty()  # here this run ends if there was one
    try:
        request = form_request.balance_request(
            ledger_id=ledger[0] if ledger else None,
            currency=st.session_state.get(CURRENCY),
            identity_id=identity[0] if identity else None,
            indicator=st.session_state.get(INDICATOR) or "",
            track_fund_lineage=bool(st.session_state.get(LINEAGE)),
            allocation_strategy=st.session_state.get(STRATEGY) or "",
            meta_data=[(one.get("Name") or "", one.get("Value") or "") for one in pairs],
            custom_currencies=visit.connected().custom_currencies,
            taken=partial(_taken, visit),
        )
        send(visit, _form_id(), request, person.name(visit))
    except (Incomplete, ValueError, NotConfirmed) as problem:
        release()
        look.problem(str(problem))
    else:
        release()
        st.rerun()


def _taken(visit: Visit, indicator: str) -> dict[str, KnownIndicator]:
    """The balances that have it already. None where Blnk cannot be asked: it refuses a second one itself."""
    with suppress(NothingCreated), visit.desk.client(visit.connected()) as client:
        return reference_data.taken_indicators(client, [indicator])
    return {}


def _press() -> None:
    st.session_state[_PRESSED] = time.monotonic()


def release() -> None:
    """The press came to its end, or came too late: what it asked for is on its way."""
    st.session_state.pop(_PRESSED, None)


def send(visit: Visit, id: str, request: BalanceRequest, who: str, *, again: bool = False) -> None:
    """Makes the one-row import, puts it into the address, and only then hands it to the sender.

    The form keeps its id until someone begins another: a second click that is on its way finds the first.
    """
    desk = visit.desk
    form_request.make_draft(
        desk.store, id=id, connection=visit.connected(), who=who, request=request, again=again
    )
    st.session_state[_SENT] = True
    st.query_params["import"] = id
    drafts.confirm(desk.store, desk.settings, id=id, who=who, version=1)


def again(visit: Visit, request: BalanceRequest) -> None:
    """A second balance like one that exists, because someone said so."""
    clear()
    send(visit, _form_id(), request, person.name(visit), again=True)


def clear() -> None:
    """Empties the form for the next balance, which gets an id of its own."""
    mine = (_ID, _PRESSED, _SENT, _METADATA, CURRENCY, INDICATOR, LINEAGE, STRATEGY)
    for key in (*mine, f"{LEDGER}-search", f"{IDENTITY}-search"):
        st.session_state.pop(key, None)
    put(LEDGER, None)
    put(IDENTITY, None)


def start_over() -> None:
    clear()
    st.query_params.pop("import", None)


def fill(request: BalanceRequest) -> None:
    """Begins a new form with these values: another like that one, or that one fixed."""
    start_over()
    put(LEDGER, (request.ledger_id, ""))
    put(IDENTITY, (request.identity_id, "") if request.identity_id else None)
    st.session_state[CURRENCY] = request.currency
    st.session_state[INDICATOR] = request.indicator or ""
    st.session_state[LINEAGE] = request.track_fund_lineage
    st.session_state[STRATEGY] = request.allocation_strategy
    pairs = [{"Name": name, "Value": str(value)} for name, value in request.meta_data.items()]
    st.session_state[_METADATA] = pairs or _NO_PAIRS


def _form_id() -> str:
    id: str = st.session_state.setdefault(_ID, imports.new_id())
    return id
