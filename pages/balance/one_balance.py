"""One balance in Blnk, and which import, file and row created it."""

from collections.abc import Mapping

import streamlit as st

from blnk_api.desk import balance_search
from blnk_api.errors import AccessDenied, NotFound, NothingCreated
from blnk_api.models import IMPORT_ID, IMPORT_REF, Balance
from blnk_api.settings import Instance
from blnk_api.store import imports, instance_numbers
from blnk_api.store.imports import Import
from blnk_api.store.rows import StoredRow
from blnk_api.store.search import balance_origins
from blnk_api.wording import about_imports, phrases
from blnk_api.wording.balance_fields import FIELDS, HELD_FIELDS
from pages.balance import balances_filter, notes_panel
from pages.kit import look, person
from pages.kit.context import Visit
from pages.run.rows import row_link

_LABELS = FIELDS | HELD_FIELDS
_FIELDS_SHOWN = (
    "ledger_id",
    "currency",
    "identity_id",
    "indicator",
    "balance",
    "credit_balance",
    "debit_balance",
    "inflight_balance",
    "track_fund_lineage",
    "allocation_strategy",
    "created_at",
)
"""In this order."""


def show(visit: Visit, id: str) -> None:
    st.button(
        "All balances", icon=":material/arrow_back:", type="tertiary", on_click=balances_filter.close_balance
    )
    st.title("Balance")
    st.code(id, language=None)
    try:
        balance, names = _read_balance(visit, visit.credentials(), id)
    except NotFound:
        look.problem(f"Blnk has no balance “{id}”. Check that the whole id was copied.")
        _maker(visit, id)
        return
    except AccessDenied as denied:
        look.blnk_problem(f"These credentials cannot read balances in Blnk: {denied}", denied)
        _maker(visit, id)
        return
    except NothingCreated as failed:
        look.blnk_problem(f"Blnk could not be read: {failed}", failed)
        st.button("Try again")
        _maker(visit, id)
        return
    _maker(visit, id, balance)
    fields = balance.model_dump(exclude_none=True)
    st.subheader("Balance in Blnk")
    table = {_LABELS[name]: fields[name] for name in _FIELDS_SHOWN if fields.get(name) not in (None, "")}
    if _LABELS["created_at"] in table:
        table[_LABELS["created_at"]] = phrases.blnk_time(balance.created_at)
    for name in ("ledger_id", "identity_id"):
        if called := names.get(str(fields.get(name))):
            table[_LABELS[name]] = f"{called} ({fields[name]})"
    _pairs(table)
    st.subheader("Metadata")
    if balance.meta_data:
        _pairs(balance.meta_data)
    else:
        st.caption("None.")
    with st.expander("Full response from Blnk"):
        st.json(fields)
    notes_panel.on_balance(visit, _instance_number(visit, visit.connected().instance), id)


def _instance_number(visit: Visit, instance: Instance) -> int:
    """Its number in the store, which is assigned now if it is needed for the first time."""
    with visit.desk.store.read() as tx:
        known = instance_numbers.known_number(tx, instance)
    if known is not None:
        return known
    with visit.desk.store.write() as tx:
        return instance_numbers.number_for(tx, instance)


@st.cache_data(ttl=5, max_entries=200, show_spinner="Loading from Blnk…")
def _read_balance(_visit: Visit, credentials: int, id: str) -> tuple[Balance, Mapping[str, str]]:
    """The balance, with the names of its ledger and identity."""
    with _visit.desk.client(_visit.connected()) as client:
        balance = client.get_balance(id)
        try:
            ledgers = client.ledgers_by_id([balance.ledger_id])
            identities = client.identities_by_id(filter(None, [balance.identity_id]))
        except NothingCreated:
            return balance, {}
    named = {id: one.name for id, one in ledgers.items()} | {id: one.name for id, one in identities.items()}
    return balance, named


def _pairs(pairs: Mapping[str, object]) -> None:
    st.dataframe(
        {"Field": list(pairs), "Value": [balance_search.as_text(value) for value in pairs.values()]},
        hide_index=True,
        height="content",
        column_config={"Field": st.column_config.TextColumn(width="small")},
    )


def _maker(visit: Visit, id: str, balance: Balance | None = None) -> None:
    """The row that created it: by the id in Blnk's answer, or else by the balance's import_ref."""
    with visit.desk.store.read() as tx:
        makers = balance_origins.makers_of(tx, id, visit.instance)
        if makers:
            _made(visit, makers[0].import_, makers[0].row)
            return
        if balance is None:
            return
        stamped = balance.meta_data.get(IMPORT_ID)
        import_ = imports.find(tx, stamped) if isinstance(stamped, str) else None
        row = (
            balance_origins.row_of_ref(tx, import_, balance.import_ref)
            if import_ and balance.import_ref
            else None
        )
    if import_ is None:
        said = "This balance was not created here"
        if stamped or balance.meta_data.get(IMPORT_REF):
            said += f" but by another Balance Desk: its import_id is {balance_search.as_text(stamped)}"
        st.caption(look.safe(f"{said}.", 200))
    elif row is None:
        look.warning("Its import_id names an import here, but it belongs to no row of that import.")
        _link(visit, import_)
    else:
        theirs = f"that row's balance is {row.balance_id}" if row.balance_id else "that row has no balance"
        look.warning(
            f"Its import_ref belongs to row {row.label} of {about_imports.title(import_)}, but {theirs}. "
            "Decide which balance to use."
        )
        _link(visit, import_, row)


def _made(visit: Visit, import_: Import, row: StoredRow) -> None:
    zone = phrases.zone(st.context.timezone)
    who = person.called(visit, import_.confirmed_by or import_.who)
    with st.container(border=True, key="made-by", gap="xxsmall"):
        if import_.kind == "form":
            st.markdown("Created with the form.")
        else:
            st.markdown(f"Created by row **{row.label}** of **{look.safe(about_imports.title(import_))}**.")
        st.caption(look.safe(f"{phrases.when(row.changed_at, zone)} · confirmed by {who}"))
        _link(visit, import_, row)


def _link(visit: Visit, import_: Import, row: StoredRow | None = None) -> None:
    query = visit.query(**{"import": import_.id})
    if import_.kind == "form":
        st.page_link("create_balance.py", label="Open its page", query_params=query)
        return
    with st.container(horizontal=True):
        if row is not None:
            of_row = query | row_link.query(row.label)
            st.page_link("imports.py", label=f"Open row {row.label}", query_params=of_row)
        st.page_link("imports.py", label="Open the import", query_params=query)
