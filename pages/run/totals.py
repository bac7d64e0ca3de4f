"""What an import created, by ledger and currency."""

import streamlit as st

from blnk_api.store import rows
from blnk_api.store.imports import Import
from blnk_api.store.rows import Total
from blnk_api.store.states import RowState
from pages.kit.context import Visit

_FEW = 8
"""How many lines are shown without expanding."""


def show(visit: Visit, import_: Import) -> None:
    """Nothing for a single balance."""
    created = import_.counts.get(RowState.CREATED, 0)
    if created < 2:
        return
    found = _totals(visit, import_.number, created, import_.finished_at)
    names = import_.totals.ledger_names
    st.subheader("Created balances")
    st.dataframe(
        {
            "Ledger": [names.get(one.ledger_id) or one.ledger_id for one in found],
            "Currency": [one.currency for one in found],
            "Balances": [one.n for one in found],
        },
        hide_index=True,
        key="created-totals",
        height="content" if len(found) <= _FEW else 320,
        column_config={"Balances": st.column_config.NumberColumn(format="localized")},
    )


@st.cache_data(max_entries=100, show_spinner=False)
def _totals(_visit: Visit, number: int, created: int, finished_at: float | None) -> list[Total]:
    """One scan of the import for everyone who views it, until something is created or found again."""
    with _visit.desk.store.read() as tx:
        return rows.totals(tx, number, [RowState.CREATED])
