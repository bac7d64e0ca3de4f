"""The contents of a form while it is filled in: in the session, and across a reload (see `held_forms`)."""

import math
import time
from collections.abc import Mapping, Sequence
from typing import NoReturn

import streamlit as st

from blnk_api.drafts.form_request import Wrong
from blnk_api.models import BalanceRequest
from blnk_api.store import imports
from pages.balance import held_forms
from pages.kit import look, person
from pages.kit.picker import put

LEDGER, IDENTITY, CURRENCY = "form-ledger", "form-identity", "form-currency"
INDICATOR, LINEAGE, STRATEGY = "form-indicator", "form-lineage", "form-strategy"
METADATA, MORE = "form-part-metadata", "form-part-more"
"""The expandable parts."""
NAME = "name"
"""The field for a person's name."""

_ID, _PAIRS, _PRESSED, _SENT, _WRONG = "form-id", "form-pairs", "form-pressed", "form-sent", "form-wrong"
_BESIDE = (f"{LEDGER}-search", f"{IDENTITY}-search")
_IN_ADDRESS = "form"

_PRESS_COUNTS_SECONDS = 5.0
"""A click that is older than this, from before someone went to another page, does nothing."""

Typed = Mapping[str, object]
"""The contents of the fields, by `Use`, `pair_field` and `NAME`."""


def form_id() -> str:
    """The id of this balance's import, and so of the form."""
    id: str = st.session_state.setdefault(_ID, imports.new_id())
    return id


def restore() -> None:
    """Called before anything is drawn: restores what was typed before a reload or another page."""
    id = st.session_state.get(_ID) or st.query_params.get(_IN_ADDRESS)
    if id is None or CURRENCY in st.session_state:
        return
    for key, value in held_forms.of(id).items():
        st.session_state[_ID] = id
        st.session_state[key] = value


def remember() -> None:
    """Called after everything is drawn."""
    keys = (*_keys(), person.FIELD)
    values = {key: st.session_state[key] for key in keys if st.session_state.get(key)}
    if values:
        held_forms.keep(form_id(), values)
        st.query_params[_IN_ADDRESS] = form_id()


def _keys() -> list[str]:
    """The keys of everything that a person chooses, types or opens."""
    typed = [key for at in range(pairs()) for key in pair_keys(at)]
    return [LEDGER, IDENTITY, CURRENCY, INDICATOR, LINEAGE, STRATEGY, METADATA, MORE, _PAIRS, *typed]


def pair_keys(at: int) -> tuple[str, str]:
    """The keys for the name and the value of a metadata pair."""
    return f"form-metadata-name-{at}", f"form-metadata-value-{at}"


def pairs() -> int:
    """How many metadata pairs are shown."""
    n: int = st.session_state.get(_PAIRS, 1)
    return n


def add_pair() -> None:
    st.session_state[_PAIRS] = pairs() + 1


def wrong(field: str, typed: object) -> None:
    """The problem of a field when the button was clicked, as long as the field is unchanged since."""
    sentence, was = st.session_state.get(_WRONG, {}).get(field, (None, None))
    if sentence is not None and was == typed:
        look.problem(sentence)


def is_wrong(values: Typed) -> bool:
    """Whether any field shows a problem."""
    problems = st.session_state.get(_WRONG, {})
    return any(was == values.get(field) for field, (_, was) in problems.items())


def say_at_fields(values: Typed, found: Sequence[Wrong]) -> NoReturn:
    """Draws the page again, with each sentence below its field."""
    release()
    problems: dict[str, list[str]] = {}
    for one in found:
        problems.setdefault(one.field, []).append(one.sentence)
    st.session_state[_WRONG] = {
        field: (" ".join(sentences), values.get(field)) for field, sentences in problems.items()
    }
    st.rerun()


def press() -> None:
    st.session_state[_PRESSED] = time.monotonic()


def is_pressed() -> bool:
    """A click is kept until it is processed, so that a run that starts over meanwhile does not lose it."""
    pressed: float = st.session_state.get(_PRESSED, -math.inf)
    return time.monotonic() - pressed <= _PRESS_COUNTS_SECONDS


def release() -> None:
    """The click was processed, or came too late: its request is already on its way."""
    st.session_state.pop(_PRESSED, None)


def sent(id: str) -> None:
    """The form keeps its id until someone starts another, so a second click on its way finds the first."""
    st.session_state[_SENT] = True
    held_forms.forget(id)
    st.query_params.pop(_IN_ADDRESS, None)
    st.query_params["import"] = id


def was_sent() -> bool:
    return bool(st.session_state.get(_SENT))


def clear() -> None:
    """Empties the form for the next balance, which gets a new id."""
    held_forms.forget(form_id())
    st.query_params.pop(_IN_ADDRESS, None)
    for key in (*_keys(), _ID, _PRESSED, _SENT, _WRONG, *_BESIDE):
        st.session_state.pop(key, None)
    put(LEDGER, None)
    put(IDENTITY, None)


def start_over() -> None:
    clear()
    st.query_params.pop("import", None)


def fill(request: BalanceRequest) -> None:
    """Starts a new form with these values: another balance like that one, or a corrected one."""
    start_over()
    put(LEDGER, (request.ledger_id, ""))
    put(IDENTITY, (request.identity_id, "") if request.identity_id else None)
    st.session_state[CURRENCY] = request.currency
    st.session_state[INDICATOR] = request.indicator or ""
    st.session_state[LINEAGE] = request.track_fund_lineage
    st.session_state[STRATEGY] = request.allocation_strategy
    st.session_state[METADATA] = bool(request.meta_data)
    st.session_state[MORE] = bool(
        request.indicator or request.track_fund_lineage or request.allocation_strategy
    )
    st.session_state[_PAIRS] = max(1, len(request.meta_data))
    for at, (name, value) in enumerate(request.meta_data.items()):
        for key, text in zip(pair_keys(at), (name, str(value)), strict=True):
            st.session_state[key] = text
