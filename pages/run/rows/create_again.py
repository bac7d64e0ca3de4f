"""Rows whose balances already existed: creates them again, after a person types how many."""

import streamlit as st

from blnk_api.access.acts import Act
from blnk_api.store import rows
from blnk_api.store.imports import Import
from blnk_api.store.states import ImportState, RowState
from blnk_api.wording import phrases
from pages.kit import permission, person
from pages.kit.context import Visit
from pages.run.rows import resolve

MOST_AT_ONCE = 5_000
"""More rows are not a mistake in a file but another file: import that one."""


def show(visit: Visit, import_: Import, *, asks_name: bool) -> None:
    """`asks_name`: unless the page asks for it elsewhere."""
    count = import_.counts.get(RowState.EXISTS, 0)
    may_be = import_.state is ImportState.DONE and import_.purged_at is None and visit.connection is not None
    if not count or not may_be or count > MOST_AT_ONCE or not permission.may(visit, Act.CREATE_AGAIN):
        return
    exist, them = ("exists", "it") if count == 1 else ("exist", "them")
    label = f"{phrases.plural(count, 'row')} already {exist}: create {them} again"
    with st.expander(label, key=f"existing-{import_.id}"):
        if asks_name:
            person.name_field(visit)
        with visit.desk.store.read() as tx:
            found = rows.page(tx, import_.number, states=[RowState.EXISTS], limit=MOST_AT_ONCE)
        st.write("For a single row, open it in the table above.")
        resolve.again_anyway(visit, import_, [row.id for row in found], key=import_.id)
