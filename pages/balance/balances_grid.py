"""The table of balances, with the metadata that identifies them, and the selected row."""

from collections.abc import Mapping, Sequence

import streamlit as st

from blnk_api.access.acts import Act
from blnk_api.desk import balance_search
from blnk_api.desk.balance_search import METADATA
from blnk_api.errors import NothingCreated
from blnk_api.models import IMPORT_ID, IMPORT_REF, Balance
from blnk_api.store.people import metadata_shown
from blnk_api.wording import phrases
from pages.kit import permission, person
from pages.kit.context import Visit

_TABLE = "balances-table"
_FEW, _HEIGHT = 12, 460
_TITLES = {
    **{"balance_id": "Balance id", "ledger_id": "Ledger id", "currency": "Currency"},
    **{"identity_id": "Identity id", "indicator": "Indicator", "balance": "Balance"},
    **{"credit_balance": "Credit", "debit_balance": "Debit", "created_at": "Created (UTC)"},
}
_KEYS = "metadata-shown"
_STAMPS = (IMPORT_REF, IMPORT_ID)


def keys_of(found: Sequence[Balance]) -> list[str]:
    """The metadata keys of these balances, without import_ref and import_id."""
    return sorted({key for one in found for key in one.meta_data} - set(_STAMPS))


def columns_choice(visit: Visit, found: Sequence[Balance], chosen: Sequence[str] | None) -> None:
    """Chooses the metadata to show, once for everyone who works with this connection."""
    offered = list(dict.fromkeys([*(chosen or ()), *keys_of(found)]))
    if not offered or not permission.may(visit, Act.CHOOSE_METADATA):
        return
    with st.popover("Columns", icon=":material/view_column:"):
        st.multiselect(
            "Metadata that tells balances apart",
            offered,
            default=list(chosen or ()),
            key=_KEYS,
            placeholder="All metadata",
            max_selections=metadata_shown.MOST,
            help="Saved for everyone who uses this connection. The search field looks for values of the "
            "first four.",
            on_change=_choose,
            args=[visit],
        )


def _choose(visit: Visit) -> None:
    with visit.desk.store.write() as tx:
        metadata_shown.choose(
            tx, visit.connected().instance, st.session_state[_KEYS], who=person.or_nobody(visit)
        )


def show(visit: Visit, found: Sequence[Balance], chosen: Sequence[str] | None) -> None:
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
    keys = keys_of(found) if chosen is None else chosen
    metadata = {key: columns.get(METADATA + key, [""] * len(found)) for key in keys}
    for title in [title for title in columns if title.startswith(METADATA)]:
        if chosen is not None or title.removeprefix(METADATA) not in _STAMPS:
            columns.pop(title)
    first = {
        "Balance id": columns.pop("Balance id"),
        "Ledger": [names.get(one.ledger_id) or one.ledger_id for one in found],
        "Currency": columns.pop("Currency"),
        "Identity": [names.get(one.identity_id) or one.identity_id for one in found],
        # Identifying metadata comes before Blnk's own figures; import_ref and import_id come last.
        **{_title(key): values for key, values in metadata.items()},
        "Created (UTC)": [phrases.blnk_time(one.created_at) for one in found],
    }
    above = st.container()
    selected = st.dataframe(
        first | columns,
        hide_index=True,
        key=f"{_TABLE}-{found[0].balance_id}",  # the same position means a different balance on another page
        height=_HEIGHT if len(found) > _FEW else "content",
        selection_mode="single-row",
        on_select="rerun",
        column_config={
            "Balance id": st.column_config.TextColumn(width=320),
            **{
                name: st.column_config.TextColumn(alignment="right")
                for name in ("Balance", "Credit", "Debit")
            },
        },
    ).selection.rows
    with above:
        _selected(visit, [found[at] for at in selected if at < len(found)])


def _selected(visit: Visit, balances: Sequence[Balance]) -> None:
    """The id of the selected row, to copy with one click, and a link to the balance."""
    if not balances:
        st.caption("Select a row to copy its id or open the balance.")
        return
    id = balances[0].balance_id
    with st.container(horizontal=True, vertical_alignment="center", key="selected-balance"):
        st.code(id, language=None, width="content")
        st.button(
            "Open the balance", type="tertiary", icon=":material/arrow_forward:", on_click=_open, args=[id]
        )


def _open(id: str) -> None:
    st.query_params["id"] = id


def _title(key: str) -> str:
    """A metadata key, marked if a column of Blnk's own has the same name."""
    return METADATA + key if key in (*_TITLES.values(), "Ledger", "Identity") else key


@st.cache_data(ttl=300, max_entries=200, show_spinner=False)
def _names(
    _visit: Visit, credentials: int, ledgers: Sequence[str], identities: Sequence[str]
) -> Mapping[str, str]:
    """The names of ledgers and identities, as far as Blnk returns them."""
    try:
        with _visit.desk.client(_visit.connected()) as client:
            named = {id: one.name for id, one in client.ledgers_by_id(ledgers).items()}
            return named | {id: one.name for id, one in client.identities_by_id(identities).items()}
    except NothingCreated:
        return {}
