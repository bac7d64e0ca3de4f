"""Finds balances in Blnk, newest first, a page at a time; the search stands in the address."""

from collections.abc import Mapping, Sequence

import streamlit as st

from blnk_api.blnk.endpoints import PAGE_LIMIT
from blnk_api.desk import balance_search
from blnk_api.desk.balance_search import METADATA, NoMatches, Wanted
from blnk_api.errors import AccessDenied, NothingCreated
from blnk_api.files.kinds import FileKind
from blnk_api.lookup.looker import bound_of
from blnk_api.models import IMPORT_ID, IMPORT_REF, Balance
from blnk_api.store import import_search, imports
from blnk_api.store.import_search import Search
from blnk_api.store.imports import Import
from blnk_api.web import list_routes
from blnk_api.wording import phrases
from pages.kit import look
from pages.kit.context import Visit

_MOST_IMPORTS = 50
_TABLE = "balances-table"
_FEW, _HEIGHT = 12, 460
_TITLES = {
    **{"balance_id": "Balance id", "ledger_id": "Ledger id", "currency": "Currency"},
    **{"identity_id": "Identity id", "indicator": "Indicator", "balance": "Balance"},
    **{"credit_balance": "Credit", "debit_balance": "Debit", "created_at": "Created (UTC)"},
}
_FIELDS = ("ledger", "currency", "identity", "indicator", "key", "value", "made")


def show(visit: Visit) -> None:
    wanted = _search(visit)
    pages: dict[Wanted, int] = st.session_state.setdefault("balances-pages", {})
    number = pages.get(wanted, 1)
    try:
        found = _found(visit, visit.credentials(), wanted, number)
    except NoMatches as why:
        _nothing(str(why))
        return
    except AccessDenied as denied:
        look.blnk_problem(f"These credentials cannot read balances in Blnk: {denied}", denied)
        st.page_link("connection.py", label="Check permissions", query_params=visit.query())
        return
    except NothingCreated as failed:
        look.blnk_problem(f"Blnk could not be read: {failed}", failed)
        st.button("Try again")
        return
    if not found and number == 1:
        _nothing("" if wanted.is_empty else "No matching balances.")
        return
    _table(visit, found)
    first = (number - 1) * PAGE_LIMIT + 1
    more = len(found) == PAGE_LIMIT
    with st.container(horizontal=True, vertical_alignment="center"):
        if number > 1 or more:
            st.button("Newer", disabled=number == 1, on_click=_turn, args=[pages, wanted, number - 1])
            st.button("Older", disabled=not more, on_click=_turn, args=[pages, wanted, number + 1])
        said = f"Balances {first:,} to {first + len(found) - 1:,}, newest first."
        st.caption(f"{said} There are more." if more else said, width="content")
    _downloads(visit, wanted)


def _search(visit: Visit) -> Wanted:
    """The search; each field stands in the address under its key."""
    with st.container(horizontal=True, key="balances-search"):
        ledger = _field("Ledger", "ledger", "Name contains…, or exact id")
        currency = _field("Currency", "currency", "USD")
        identity = _field("Identity", "identity", "Name, email or id")
        id = st.text_input("Balance id", key="wanted-id", placeholder="bln_…")
    if id and id.strip():
        _open(id.strip())
    more = any(st.session_state.get(key) for key in ("key", "value", "made", "indicator"))
    with (
        st.expander("Metadata, import, indicator", expanded=more, key="balances-more"),
        st.container(horizontal=True),
    ):
        key = _field("Metadata key", "key", "customer_number")
        value = _field("Metadata value", "value", "Exact value")
        made = _field("Created by import", "made", "File name contains…, or exact id")
        indicator = _field("Indicator", "indicator", "@fees")
    makers = _imports(visit, made) if made else None
    bounds = [bound_of(one.created_from) or "" for one in makers or ()]
    return Wanted(
        ledger=ledger,
        currency=currency,
        identity=identity,
        indicator=indicator,
        key=key,
        value=value,
        import_ids=None if makers is None else tuple(one.id for one in makers),
        created_from=min(bounds, default=""),
    )


def _field(label: str, key: str, placeholder: str) -> str:
    return st.text_input(label, key=key, bind="query-params", placeholder=placeholder).strip()


def _imports(visit: Visit, text: str) -> list[Import]:
    """The imports of this connection that are meant: one by its id, or the newest ones called so."""
    with visit.desk.store.read() as tx:
        if text.startswith("imp_"):
            found = [imports.find(tx, text)]
            return [one for one in found if one is not None and one.instance == visit.instance]
        number = import_search.number_of(tx, visit.connected().instance)
        search = Search(file=text, instance=number)
        return [] if number is None else import_search.search(tx, search, limit=_MOST_IMPORTS)


@st.cache_data(ttl=5, max_entries=100, show_spinner="Loading from Blnk…")
def _found(_visit: Visit, credentials: int, wanted: Wanted, number: int) -> list[Balance]:
    with _visit.desk.client(_visit.connected()) as client:
        return balance_search.page(client, wanted, number)


@st.cache_data(ttl=300, max_entries=200, show_spinner=False)
def _names(
    _visit: Visit, credentials: int, ledgers: Sequence[str], identities: Sequence[str]
) -> Mapping[str, str]:
    """What ledgers and identities are called, as far as Blnk tells it."""
    try:
        with _visit.desk.client(_visit.connected()) as client:
            named = {id: one.name for id, one in client.ledgers_by_id(ledgers).items()}
            return named | {id: one.name for id, one in client.identities_by_id(identities).items()}
    except NothingCreated:
        return {}


def _turn(pages: dict[Wanted, int], wanted: Wanted, number: int) -> None:
    pages[wanted] = number


def _open(id: str) -> None:
    st.query_params["id"] = id
    st.rerun()


def _nothing(why: str) -> None:
    if why:
        st.write(look.safe(why))
        st.button("Show all balances", on_click=_forget)
    else:
        st.write("Your Blnk instance has no balances yet. Create the first one on “Create a balance”.")


def _forget() -> None:
    for key in _FIELDS:
        st.session_state[key] = ""


def _table(visit: Visit, found: Sequence[Balance]) -> None:
    header, records = balance_search.as_table(found)
    columns = {
        _TITLES.get(name, name): [str(record[at]) for record in records] for at, name in enumerate(header)
    }
    columns.pop("Created (UTC)", None)
    names = _names(
        visit,
        visit.credentials(),
        sorted({one.ledger_id for one in found if one.ledger_id}),
        sorted({one.identity_id for one in found if one.identity_id}),
    )
    first = {
        "Balance id": columns.pop("Balance id"),
        "Ledger": [names.get(one.ledger_id) or one.ledger_id for one in found],
        "Currency": columns.pop("Currency"),
        "Identity": [names.get(one.identity_id) or one.identity_id for one in found],
        # What tells balances apart for people comes before Blnk's own figures; our stamps come last.
        **{_short(title): columns.pop(title) for title in _metadata_titles(columns)},
        "Created (UTC)": [phrases.blnk_time(one.created_at) for one in found],
    }
    st.caption("Select a row to open the balance.")
    st.dataframe(
        first | columns,
        hide_index=True,
        key=_TABLE,
        height=_HEIGHT if len(found) > _FEW else "content",
        selection_mode="single-row",
        on_select=lambda: _chosen([one.balance_id for one in found]),
        column_config={
            "Balance id": st.column_config.TextColumn(width=320),
            **{
                name: st.column_config.TextColumn(alignment="right")
                for name in ("Balance", "Credit", "Debit")
            },
        },
    )


def _metadata_titles(columns: Mapping[str, Sequence[str]]) -> list[str]:
    stamps = {METADATA + name for name in (IMPORT_REF, IMPORT_ID)}
    return [title for title in columns if title.startswith(METADATA) and title not in stamps]


def _short(title: str) -> str:
    """A metadata key by itself, unless a column of Blnk's own is called so."""
    key = title.removeprefix(METADATA)
    return title if key in (*_TITLES.values(), "Ledger", "Identity") else key


def _chosen(ids: Sequence[str]) -> None:
    chosen = st.session_state[_TABLE]["selection"]["rows"]
    if chosen:
        st.query_params["id"] = ids[chosen[0]]


def _downloads(visit: Visit, wanted: Wanted) -> None:
    """What the search finds, the other pages too."""
    with st.container(horizontal=True, vertical_alignment="center"):
        for kind in FileKind:
            url = list_routes.balances_url(visit.desk.links, visit.connected(), wanted, kind)
            st.link_button(f"Download as {kind.upper()}", url, icon=":material/download:")
        st.caption(
            f"The results of this search, up to {phrases.plural(balance_search.MOST, 'balance')}.",
            width="content",
        )
