"""The result of an import: its main sentence, then the rows that need a person."""

import streamlit as st

from blnk_api.drafts.fixes.source_rows import can_be_fixed
from blnk_api.store import rows
from blnk_api.store.imports import Import
from blnk_api.store.rows import StoredRow
from blnk_api.store.sending.superseded import FIXABLE
from blnk_api.store.states import RowState, status_of
from blnk_api.wording import about_imports, about_needs, about_progress, phrases
from blnk_api.wording.about_needs import Need
from pages.kit import look
from pages.kit.context import Visit
from pages.run import fix_links
from pages.run.rows import row_link

_SHOWN = 12
"""The most needs to show."""
_NAMED = 5
"""The most rows to name for each."""
_READ = 2_000
"""How many rows of each status are read to group them."""


def sentence(import_: Import) -> None:
    """ "9,988 balances created, 12 need you." """
    with st.container(key="sentence", gap="xxsmall"):
        st.subheader(about_progress.ended(import_))
        if about_imports.needs_someone(import_):
            st.caption(f"Of {phrases.plural(import_.row_count, 'row')}: {about_imports.came_to(import_)}.")


def needs(visit: Visit, import_: Import) -> bool:
    """What needs a person, grouped by need, with how to fix it and a link to all such rows. Returns whether
    it asks for a name."""
    count = about_imports.needs_someone(import_)
    if not count:
        return False
    with st.container(border=True, key="needs", gap="small"):
        seen = _first(visit, import_)
        found = about_needs.needs(seen)
        for need in found[:_SHOWN]:
            _need(need)
        more = count - sum(len(one.rows) for one in found[:_SHOWN])
        if more > 0:
            st.caption(f"And {phrases.plural(more, 'more row')}.")
        fixable = sum(row.state in FIXABLE and can_be_fixed(row) for row in seen)
        beyond = count - len(seen)
        asks_name = not import_.waiting_for_person  # otherwise those rows ask for it
        is_offered = fix_links.offer(
            visit, import_, count=fixable + beyond if fixable else 0, asks_name=asks_name
        )
        with st.container(horizontal=True):
            for state in about_imports.NEEDS_SOMEONE:
                if n := about_imports.count_needing(import_, state):
                    word = status_of(state, waits_for_person=True)
                    label = f"Show {'it' if n == 1 else f'all {n:,}'} in the table: {word}"
                    st.button(
                        label, key=f"show-{state}", type="tertiary", on_click=_choose, args=[import_, word]
                    )
    return is_offered


def _need(need: Need) -> None:
    first = need.rows[0]
    sign = f"{look.ROW_SIGNS[first.state]} {need.status}"
    count = f"**{phrases.plural(len(need.rows), 'row')}** · " if len(need.rows) > 1 else ""
    example = "" if need.same else "For example: "
    with st.container(gap=None):
        st.markdown(f"{count}{sign} · {example}{look.safe(need.reason)}")
        with st.container(horizontal=True, gap="small"):
            for row in need.rows[:_NAMED]:
                label, opens = f"Row {row.label}", row_link.point_at
                st.button(label, key=f"needs-{row.id}", type="tertiary", on_click=opens, args=[row.label])
            if len(need.rows) > _NAMED:
                st.caption(f"and {len(need.rows) - _NAMED:,} more", width="content")


def what_next(visit: Visit, import_: Import) -> None:
    """Next steps: the import's balances in Blnk, the next file, a link for a colleague."""
    with st.container(horizontal=True, vertical_alignment="center", key="what-next"):
        if visit.connection is not None and import_.counts.get(RowState.CREATED):
            query = visit.query(made=import_.id)
            st.page_link("balances.py", label="View these balances", query_params=query)
        if import_.kind == "file":
            st.page_link("import_file.py", label="Import another file", query_params=visit.query())
        with st.popover("Copy link", icon=":material/link:"):
            st.caption("This page, for a colleague:")
            st.code(look.link(visit.query(**{"import": import_.id})), language=None)


def _first(visit: Visit, import_: Import) -> list[StoredRow]:
    """State by state: a query for one state uses its index, however many rows there are."""
    with visit.desk.store.read() as tx:
        return [
            row
            for state in about_imports.NEEDS_SOMEONE
            if about_imports.count_needing(import_, state)
            for row in (
                rows.waiting_for_person(tx, import_.number, limit=_READ)
                if state is RowState.UNKNOWN
                else rows.page(tx, import_.number, states=[state], limit=_READ)
            )
        ]


def _choose(import_: Import, status: str) -> None:
    st.session_state[f"rows-state-{import_.id}"] = status
