"""What an import came to: the sentence that matters, then the rows that need somebody."""

import streamlit as st

from blnk_api.store import rows
from blnk_api.store.imports import Import
from blnk_api.store.rows import StoredRow
from blnk_api.store.states import RowState, status_of
from blnk_api.wording import about_progress, phrases
from pages.kit import look
from pages.kit.context import Visit
from pages.run import row_link

_SHOWN = 12


def sentence(import_: Import) -> None:
    """ "9,988 balances created, 12 need you." """
    with st.container(key="sentence", gap="xxsmall"):
        st.subheader(about_progress.ended(import_))
        if phrases.needs_someone(import_):
            st.caption(f"Of {phrases.plural(import_.row_count, 'row')}: {phrases.came_to(import_)}.")


def needs(visit: Visit, import_: Import) -> None:
    """The first rows that need somebody, and a way to all of them in the table of rows."""
    count = phrases.needs_someone(import_)
    if not count:
        return
    with st.container(border=True, key="needs", gap="small"):
        for row in _first(visit, import_):
            _row(row)
        if count > _SHOWN:
            st.caption(f"And {count - _SHOWN:,} more like these.")
        with st.container(horizontal=True):
            for state in phrases.NEEDS_SOMEONE:
                if n := phrases.count_needing(import_, state):
                    word = status_of(state, waits_for_person=True)
                    label = f"Show {'it' if n == 1 else f'all {n:,}'} in the table: {word}"
                    st.button(
                        label, key=f"show-{state}", type="tertiary", on_click=_choose, args=[import_, word]
                    )


def _row(row: StoredRow) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        label, opens = f"**Row {row.label}**", row_link.point_at
        st.button(label, key=f"needs-{row.id}", type="tertiary", on_click=opens, args=[row.label])
        sign = f"{look.ROW_SIGNS[row.state]} {row.status}"
        st.markdown(f"{sign} · {look.safe(_told(row))}", width="content")


def balances_link(visit: Visit, import_: Import) -> None:
    """To what Blnk holds of it."""
    if visit.connection is not None and import_.counts.get(RowState.CREATED):
        query = visit.query(made=import_.id)
        st.page_link("balances.py", label="View these balances", query_params=query)


def _first(visit: Visit, import_: Import) -> list[StoredRow]:
    """State by state: a look for one state goes by its index, however many rows there are."""
    with visit.desk.store.read() as tx:
        found = [
            row
            for state in phrases.NEEDS_SOMEONE
            if phrases.count_needing(import_, state)
            for row in (
                rows.waiting_for_person(tx, import_.number, limit=_SHOWN)
                if state is RowState.UNKNOWN
                else rows.page(tx, import_.number, states=[state], limit=_SHOWN)
            )
        ]
    return found[:_SHOWN]


def _told(row: StoredRow) -> str:
    if row.message or row.state is not RowState.INVALID:
        return row.message or "no answer came back"
    return row.wrong


def _choose(import_: Import, status: str) -> None:
    st.session_state[f"rows-state-{import_.id}"] = status
