"""The outcome of one balance from the form. Refreshes automatically until it is settled."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Literal

import streamlit as st

from blnk_api.access.actors import NotAllowed
from blnk_api.access.acts import Act
from blnk_api.drafts import drafts, form_request
from blnk_api.drafts.drafts import NotConfirmed
from blnk_api.errors import BlnkError, NothingCreated
from blnk_api.facts.findings import Findings
from blnk_api.models import IMPORT_ID, IMPORT_REF, Balance, BalanceRequest
from blnk_api.store import rows
from blnk_api.store.imports import Import
from blnk_api.store.rows import StoredRow
from blnk_api.store.search import row_history
from blnk_api.store.states import SETTLED, ImportState, RowState
from blnk_api.wording import about_findings, about_rows, phrases
from blnk_api.wording.balance_fields import FIELDS, HELD_FIELDS
from pages.approval import panel
from pages.balance import form, form_state, notes_panel
from pages.kit import auto_refresh, banner, look, permission, person, stop_switch
from pages.kit.context import Visit
from pages.run import controls, late_findings, receipt_links
from pages.run.rows import resolve

_LABELS = FIELDS | HELD_FIELDS
_FIELDS_SHOWN = ("ledger_id", "currency", "identity_id", "indicator", "balance", "created_at")

_IDS = ("ledger_id", "identity_id")

_AT_REST = (*SETTLED, RowState.INVALID)
"""Nothing more happens automatically: an invalid row is never sent."""


def show_outcome(visit: Visit, import_: Import) -> None:
    """Static once it is settled, so that nothing moves while someone copies an id."""
    row = _row(visit, import_)
    if import_.purged_at is not None:
        _purged(visit, import_, row, import_.purged_at)
    elif import_.state is ImportState.WAITING:
        st.title("Create a balance")
        panel.show(visit, import_)
        _show_request(visit, form_request.request_of(row))
    elif row.state in _AT_REST or import_.is_over:
        _settled(visit, import_, row)
    else:
        st.title("Create a balance")
        auto_refresh.show(partial(_watch, visit, import_.id), every=visit.desk.settings.waits.form_refresh)


def _purged(visit: Visit, import_: Import, row: StoredRow, purged_at: float) -> None:
    zone = phrases.zone(st.context.timezone)
    st.title("A balance from the form")
    st.write(f"{row.status}. The data of this request was deleted on {phrases.when(purged_at, zone)}.")
    if row.balance_id:
        st.caption("Balance id")
        st.code(row.balance_id, language=None)
        notes_panel.on_balance(visit, import_.instance_number, row.balance_id)
    receipt_links.show(visit, import_)


def _row(visit: Visit, import_: Import) -> StoredRow:
    with visit.desk.store.read() as tx:
        return rows.page(tx, import_.number, limit=1)[0]


def _watch(visit: Visit, id: str, redraw_page: Callable[[], None]) -> None:
    import_ = visit.reload(id)
    assert import_ is not None
    row = _row(visit, import_)
    is_static = row.state in _AT_REST or import_.is_over or import_.state is ImportState.WAITING
    if is_static or stop_switch.has_changed(visit):
        redraw_page()
        return
    match import_.state, row.state:
        case ImportState.DRAFT, _:
            panel.how_it_ended(visit, import_)
            _unconfirmed(visit, import_)
        case ImportState.PAUSED, _:
            controls.show_pause(visit, import_)
        case _, RowState.UNKNOWN:
            _unknown(row)
            _details(visit, row)
            resolve.show(visit, import_)
        case _, RowState.SENDING:
            st.info("Sent to Blnk. Waiting for its answer.", icon=":material/hourglass_top:")
        case _:
            st.info("Waiting to be sent.", icon=":material/schedule:")
            banner.sending_here(visit, import_)
            if row.message and row.tries:
                st.text(f"The last attempt did not reach Blnk: {row.message}")
    _show_request(visit, form_request.request_of(row))


def _settled(visit: Visit, import_: Import, row: StoredRow) -> None:
    request = form_request.request_of(row)
    match row.state:
        case RowState.CREATED:
            st.title("The balance was created")
            _balance(visit, import_, row, request)
            _follow_up(visit, request, "Create a similar balance", is_next=False)
        case RowState.EXISTS:
            st.title("This balance already exists")
            st.write("Blnk has a balance exactly like this one, so nothing was sent and nothing was created.")
            _balance(visit, import_, row, request)
            _follow_up(visit, request, "Change the request")
            _create_another(visit, request)
        case RowState.REFUSED | RowState.INVALID:
            st.title("The balance was not created")
            look.problem(row.message or "Blnk rejected it without giving a reason.")
            _details(visit, row)
            st.write("Nothing was created. Change the request and create the balance again.")
            _show_request(visit, request)
            _follow_up(visit, request, "Change the request")
        case RowState.UNKNOWN:
            st.title("This balance needs you" if row.waits_for_person else "Checking in Blnk")
            _unknown(row)
            _details(visit, row)
            resolve.show(visit, import_)
            _show_request(visit, request)
        case _:
            st.title("The balance was not created")
            st.write("It was canceled before it was sent. Nothing was created.")
            _show_request(visit, request)
            _follow_up(visit, request, "Create this balance")
    for sentence in about_findings.findings(import_.findings or Findings(checked=True)):
        look.warning(sentence)
    late_findings.show(visit, import_)
    with st.container(key="made-by"):
        zone = phrases.zone(st.context.timezone)
        st.caption(
            f"Requested by {look.safe(person.called(visit, import_.who))} "
            f"on {phrases.when(import_.created_at, zone)}."
        )
    if row.balance_id:
        notes_panel.on_balance(visit, import_.instance_number, row.balance_id)
    receipt_links.show(visit, import_)


def _unknown(row: StoredRow) -> None:
    look.warning(
        "The request was sent, but no clear answer came back: the balance may exist. Do not create it again. "
        + (
            "Checking Blnk could not decide: look for it in Blnk, then decide below."
            if row.waits_for_person
            else "Blnk is being checked, and this page shows the result."
        )
    )
    look.fact("Details", row.message or "")


def _details(visit: Visit, row: StoredRow) -> None:
    with visit.desk.store.read() as tx:
        look.details(about_rows.support_details(row_history.attempts_of(tx, row.id)))


def _unconfirmed(visit: Visit, import_: Import) -> None:
    st.info("This request has not been confirmed. Nothing was sent.", icon=":material/edit_note:")
    person.name_field(visit)
    asks = visit.connection is not None and visit.connection.approval.needs(1)
    if st.button("Ask for approval" if asks else "Create balance", type="primary"):
        try:
            who = person.name(visit)
            desk = visit.desk
            drafts.confirm(desk.store, desk.settings, id=import_.id, who=who, version=import_.version)
        except (ValueError, NotConfirmed, NotAllowed) as problem:
            look.problem(str(problem))


def _balance(visit: Visit, import_: Import, row: StoredRow, request: BalanceRequest) -> None:
    st.caption("Balance id")
    st.code(row.balance_id or "", language=None)
    if row.message:
        st.info(look.safe(row.message), icon=":material/info:")
    try:
        balance = _read_balance(visit, visit.credentials(), row.balance_id or "")
    except NothingCreated:
        _show_request(visit, request)
        st.caption("This is the request. Blnk could not be read to show the balance itself.")
    else:
        st.subheader("Balance in Blnk")
        fields = balance.model_dump(exclude_none=True)
        shown_fields = {name: fields[name] for name in _FIELDS_SHOWN if fields.get(name) not in (None, "")}
        if "created_at" in shown_fields:
            shown_fields["created_at"] = phrases.blnk_time(balance.created_at)
        _table(_by_name(visit, shown_fields), balance.meta_data)
        with st.expander("Full response from Blnk"):
            st.json(fields)
    st.caption("Link to this page")
    st.code(look.link(visit.query(**{"import": import_.id})), language=None)


@st.cache_data(ttl=30, max_entries=200, show_spinner=False)
def _read_balance(_visit: Visit, credentials: int, balance_id: str) -> Balance:
    with _visit.desk.client(_visit.connected()) as client:
        return client.get_balance(balance_id)


def _show_request(visit: Visit, request: BalanceRequest) -> None:
    st.subheader("Request")
    fields = request.model_dump(exclude_none=True, exclude_defaults=True)
    meta_data = fields.pop("meta_data", {})
    _table(_by_name(visit, fields), meta_data)


def _by_name(visit: Visit, fields: Mapping[str, object]) -> dict[str, object]:
    """The names of the ledger and the identity, or their ids if Blnk does not answer."""
    ids = {name: str(fields[name]) for name in _IDS if fields.get(name)}
    names: Mapping[str, str] = {}
    if visit.connection is not None:
        with suppress(BlnkError):
            names = _names(visit, visit.credentials(), tuple(ids.items()))
    return {**fields, **{name: names.get(id) or id for name, id in ids.items()}}


@st.cache_data(ttl=60, max_entries=500, show_spinner=False)
def _names(_visit: Visit, credentials: int, pairs: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Names by id."""
    ids = dict(pairs)
    with _visit.desk.client(_visit.connected()) as client:
        ledgers = client.ledgers_by_id([ids["ledger_id"]]) if "ledger_id" in ids else {}
        identities = client.identities_by_id([ids["identity_id"]]) if "identity_id" in ids else {}
    return {id: one.name for found in (ledgers, identities) for id, one in found.items()}


def _table(fields: Mapping[str, object], meta_data: Mapping[str, object]) -> None:
    pairs = [(_LABELS.get(name, name), value) for name, value in fields.items()]
    pairs += [(name, value) for name, value in meta_data.items() if name not in (IMPORT_REF, IMPORT_ID)]
    st.dataframe(
        {"Field": [name for name, _ in pairs], "Value": [str(value) for _, value in pairs]},
        hide_index=True,
        height="content",
        column_config={"Field": st.column_config.TextColumn(width="small")},
    )


def _follow_up(visit: Visit, request: BalanceRequest, label: str, *, is_next: bool = True) -> None:
    """`is_next`: whether filling in the form again is the most likely next step."""
    if not permission.may(visit, Act.CREATE_ONE):
        return
    with st.container(horizontal=True):
        kind: Literal["primary", "secondary"] = "primary" if is_next else "secondary"
        st.button(label, type=kind, on_click=form_state.fill, args=[request])
        st.button("Start with an empty form", on_click=form_state.start_over)


def _create_another(visit: Visit, request: BalanceRequest) -> None:
    if not permission.may(visit, Act.CREATE_ONE):
        return
    with st.expander("Create a second, identical balance"):
        st.write("Two identical balances are hard to tell apart later, and neither can be deleted.")
        sure = st.checkbox("I want a second balance identical to the existing one")
        person.name_field(visit)
        if st.button("Create a second balance", disabled=not sure):
            try:
                form.again(visit, request)
            except (ValueError, NotConfirmed, NotAllowed) as problem:
                look.problem(str(problem))
            else:
                st.rerun()
