"""The form's fields and its button. Its id is created with it, so that clicking twice creates one balance."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Literal

import streamlit as st

from blnk_api import currencies
from blnk_api.access.actors import Actor, NotAllowed
from blnk_api.common.name_matching import fold
from blnk_api.drafts import drafts, form_request, reference_data
from blnk_api.drafts.checking import KnownIndicator
from blnk_api.drafts.drafts import NotConfirmed
from blnk_api.drafts.form_request import Incomplete, Wrong, pair_field
from blnk_api.errors import NothingCreated
from blnk_api.facts.mapping import Use
from blnk_api.models import GENERAL_LEDGER_ID, BalanceRequest
from blnk_api.store.search import import_search
from blnk_api.wording.approval import requests as words
from pages.balance import form_state
from pages.balance.form_state import CURRENCY, IDENTITY, INDICATOR, LINEAGE, NAME, STRATEGY
from pages.kit import look, person
from pages.kit.context import Visit
from pages.kit.picker import Choice, searched

Pairs = Sequence[tuple[str, str]]


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
    """Exact matches first, because only the first few are shown."""
    id, name = choice
    whole = fold(typed) in map(fold, (id, name, *name.split(" · ")))
    return not whole, fold(name)


def ledgers(visit: Visit) -> Callable[[str], list[Choice]]:
    return lambda text: _ledgers(visit, visit.credentials(), text)


def identities(visit: Visit) -> Callable[[str], list[Choice]]:
    return lambda text: _identities(visit, visit.credentials(), text)


def currency_field(visit: Visit) -> None:
    with visit.desk.store.read() as tx:
        recent = import_search.recent_currencies(tx, visit.connected().instance)
    st.selectbox(
        "Currency",
        currencies.choices(visit.connected().custom_currencies, recent),
        index=None,
        key=CURRENCY,
        placeholder="Choose a currency",
        filter_mode="fuzzy",  # closest match first; with "contains", Enter chooses CHE · WIR Euro for eur
        format_func=currencies.label,
    )
    form_state.wrong(Use.CURRENCY, st.session_state.get(CURRENCY))


def metadata_fields() -> Pairs:
    """Names and values. A text field reports its contents before a click that follows."""
    found = []
    for at in range(form_state.pairs()):
        shown: Literal["visible", "collapsed"] = "visible" if at == 0 else "collapsed"
        name_key, value_key = form_state.pair_keys(at)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            name = st.text_input(
                "Name" if at == 0 else f"Name {at + 1}", key=name_key, label_visibility=shown
            )
            value = st.text_input(
                "Value" if at == 0 else f"Value {at + 1}", key=value_key, label_visibility=shown
            )
        form_state.wrong(pair_field(at), (name, value))
        found.append((name, value))
    st.button("Add metadata", on_click=form_state.add_pair)
    return found


def more_fields(ledger: Choice | None, identity: Choice | None) -> None:
    """Fields that few balances need, each with an explanation."""
    takes_indicator = ledger is not None and ledger[0] == GENERAL_LEDGER_ID
    typed = st.text_input(
        "Indicator",
        key=INDICATOR,
        placeholder="@Fees" if takes_indicator else "Only in the General Ledger",
        help="A name for this balance in transactions. Only in the General Ledger; starts with @, no spaces.",
        disabled=not takes_indicator,
    )
    if typed and not takes_indicator:
        st.caption("Not sent: only balances in the General Ledger have an indicator.")
    form_state.wrong(Use.INDICATOR, typed)
    tracks = st.checkbox(
        "Track fund lineage",
        key=LINEAGE,
        help="Blnk tracks whose money is in the balance. Requires an identity.",
        disabled=identity is None,
    )
    if tracks and identity is None:
        st.caption("Not sent: to track fund lineage, the balance needs an identity.")
    form_state.wrong(Use.LINEAGE, tracks)
    st.selectbox(
        "Allocation strategy",
        ("FIFO", "LIFO", "PROPORTIONAL"),
        index=None,
        key=STRATEGY,
        placeholder="Blnk's default",
        help="Which money is used first when lineage is tracked: the oldest, the newest, or a share of each.",
    )


def name_field(visit: Visit) -> None:
    person.name_field(visit)
    form_state.wrong(NAME, person.typed())


def create_button(visit: Visit, ledger: Choice | None, identity: Choice | None, pairs: Pairs) -> None:
    """The button, and what clicking it does."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Create balance", type="primary", key=f"create-{form_state.form_id()}", on_click=form_state.press
        )
        connection = visit.connected()
        st.caption(f"In {look.place(connection.instance, connection)}. A balance cannot be deleted.")
    if connection.approval.needs(1):
        st.caption(look.safe(words.of_one_balance(connection.approval)))
    indicator, tracks = st.session_state.get(INDICATOR) or "", bool(st.session_state.get(LINEAGE))
    values: dict[str, object] = {
        **{Use.LEDGER: ledger, Use.IDENTITY: identity or searched(IDENTITY)},
        Use.CURRENCY: st.session_state.get(CURRENCY),
        **{Use.INDICATOR: indicator, Use.LINEAGE: tracks, NAME: person.typed()},
        **{pair_field(at): pair for at, pair in enumerate(pairs)},
    }
    if not form_state.is_pressed():
        if form_state.was_sent():
            form_state.clear()  # someone came back for another balance
            st.rerun()
        if form_state.is_wrong(values):
            look.problem("Nothing was created. Correct the fields above and try again.")
        return
    found: list[Wrong] = []
    try:
        request = form_request.balance_request(
            ledger_id=ledger[0] if ledger else None,
            currency=st.session_state.get(CURRENCY),
            identity_id=identity[0] if identity else None,
            indicator=indicator if ledger and ledger[0] == GENERAL_LEDGER_ID else "",
            track_fund_lineage=tracks and identity is not None,
            allocation_strategy=st.session_state.get(STRATEGY) or "",
            meta_data=pairs,
            custom_currencies=visit.connected().custom_currencies,
            taken=partial(_taken, visit),
        )
    except Incomplete as incomplete:
        found += incomplete.wrong
    try:
        who = person.name(visit)
    except ValueError as no_name:
        found.append(Wrong(NAME, str(no_name)))
    if identity is None and searched(IDENTITY):
        # Without it the balance would belong to nobody, and could not be deleted.
        found.append(Wrong(Use.IDENTITY, "Choose the identity from the list, or clear the field."))
    if found:
        form_state.say_at_fields(values, found)
    try:
        send(visit, form_state.form_id(), request, who)
    except (NotConfirmed, NotAllowed) as problem:
        form_state.release()
        look.problem(str(problem))
    else:
        form_state.release()
        st.rerun()


def _taken(visit: Visit, indicator: str) -> dict[str, KnownIndicator]:
    """The balances that already have it. Empty if Blnk does not answer: it rejects a second one itself."""
    with suppress(NothingCreated), visit.desk.client(visit.connected()) as client:
        return reference_data.taken_indicators(client, [indicator])
    return {}


def send(visit: Visit, id: str, request: BalanceRequest, who: Actor, *, again: bool = False) -> None:
    """Creates the one-row import, puts it into the address, and only then hands it to the sender."""
    desk = visit.desk
    form_request.make_draft(
        desk.store, id=id, connection=visit.connected(), who=who, request=request, again=again
    )
    form_state.sent(id)
    drafts.confirm(desk.store, desk.settings, id=id, who=who, version=1)


def again(visit: Visit, request: BalanceRequest) -> None:
    """Creates a second balance like an existing one, because a person chose to."""
    form_state.clear()
    send(visit, form_state.form_id(), request, person.name(visit), again=True)
