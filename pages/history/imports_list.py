"""The list of imports, newest first, page by page."""

from collections.abc import Sequence
from datetime import tzinfo

import streamlit as st

from blnk_api.files.kinds import FileKind
from blnk_api.store import instance_numbers
from blnk_api.store.imports import Import
from blnk_api.store.search import import_search
from blnk_api.store.search.import_search import FoundRow, Search
from blnk_api.store.states import ImportState
from blnk_api.web import list_routes
from blnk_api.wording import about_imports, phrases
from pages.history import imports_filter
from pages.kit import look, person
from pages.kit.context import Visit

_PAGE = 25
_ROWS_MEANT = 5


def show(visit: Visit) -> None:
    zone = phrases.zone(st.context.timezone)
    with visit.desk.store.read() as tx:
        seen = instance_numbers.seen_by(tx, person.or_nobody(visit))
    wanted = imports_filter.show(visit, zone, seen)
    pages: dict[Search, list[int | None]] = st.session_state.setdefault("history-pages", {})
    befores = pages.setdefault(wanted, [None])
    with visit.desk.store.read() as tx:
        found = import_search.search(tx, wanted, before=befores[-1], limit=_PAGE + 1, among=seen)
        total = import_search.how_many(tx, wanted, among=seen)
        meant = (
            import_search.rows_meant(tx, wanted.text, found, limit=_ROWS_MEANT, among=seen)
            if wanted.text
            else []
        )
    if not found:
        _nothing(visit, wanted)
        return
    first = (len(befores) - 1) * _PAGE + 1
    st.caption(phrases.part_of(first, len(found[:_PAGE]), total, "import"))
    for one in meant:
        _row(visit, one)
    with st.container(border=True, key="history", gap="xxsmall"):
        for import_ in found[:_PAGE]:
            _entry(visit, import_, zone)
    _foot(visit, wanted, found, befores)


def _foot(visit: Visit, wanted: Search, found: Sequence[Import], befores: list[int | None]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        if len(found) > _PAGE or len(befores) > 1:
            st.button("Newer", disabled=len(befores) == 1, on_click=_newer, args=[befores])
            last = found[:_PAGE][-1].number
            st.button("Older", disabled=len(found) <= _PAGE, on_click=befores.append, args=[last])
        if visit.connection is not None:
            for kind in FileKind:
                url = list_routes.imports_url(visit.desk.links, visit.connection, wanted, kind)
                label = f"Download list as {kind.upper()}"
                st.link_button(label, url, icon=":material/download:", type="tertiary")


def _newer(befores: list[int | None]) -> None:
    befores.pop()


def _nothing(visit: Visit, wanted: Search) -> None:
    if not wanted.is_empty:
        with st.container(key="nothing-found"):
            st.write("No matching imports.")
            if wanted.text.startswith("bln_"):
                st.write("No import here created a balance with this id. It may still be in Blnk:")
                query = visit.query(id=wanted.text)
                st.page_link("balances.py", label="Look for it in Blnk", query_params=query)
            elif wanted.text and visit.connection is not None:
                query = visit.query(find=wanted.text)
                st.page_link("balances.py", label="Search balances instead", query_params=query)
            st.button("Show all imports", on_click=imports_filter.forget)
        return
    st.write("There are no imports yet. Start with one of these:")
    with st.container(horizontal=True):
        st.page_link("import_file.py", label="Import a file", query_params=visit.query())
        st.page_link("create_balance.py", label="Create one balance", query_params=visit.query())


def _row(visit: Visit, found: FoundRow) -> None:
    """Where a balance came from, or a row with the reference value that was searched for."""
    row, import_ = found.row, found.import_
    connection = visit.desk.settings.connection_of(import_.instance)
    named = {"connection": connection.name} if connection else {}
    with st.container(border=True, key=f"row-{row.id}", horizontal=True, vertical_alignment="center"):
        made_by = f"Row {row.label} of **{look.safe(about_imports.title(import_))}**"
        if found.made_it:
            st.markdown(f"{made_by} created the balance {look.safe(row.balance_id or '')}.")
            if connection is not None:
                query = {**named, "id": row.balance_id or ""}
                st.page_link("balances.py", label="Open the balance", query_params=query)
        else:
            st.markdown(f"{made_by} has this key: {row.status}.")
        if import_.state is not ImportState.DRAFT and import_.kind == "file":
            query = {**named, "import": import_.id, "row": row.label}
            st.page_link("imports.py", label="Open the row", query_params=query)


def _entry(visit: Visit, import_: Import, zone: tzinfo) -> None:
    connection = visit.desk.settings.connection_of(import_.instance)
    query = {"import": import_.id} | ({"connection": connection.name} if connection else {})
    page = "create_balance.py" if import_.kind == "form" else "imports.py"
    name, state, at = st.columns([5, 2, 3], vertical_alignment="center")
    with name, st.container(gap=None):
        st.page_link(page, label=f"**{look.safe(about_imports.title(import_))}**", query_params=query)
        st.write(about_imports.in_list(import_))
    with state:
        look.state_badge(import_)
    with at, st.container(gap=None):
        st.caption(phrases.when(import_.created_at, zone))
        st.caption(look.safe(person.called(visit, import_.who)))
        st.caption(look.place(import_.instance, connection))


def back() -> None:
    """From one import back to all of them. A link within one page would not change the address."""
    st.button("All imports", icon=":material/arrow_back:", type="tertiary", on_click=_to_all)


def _to_all() -> None:
    for name in ("import", "row"):
        st.query_params.pop(name, None)


def show_draft(visit: Visit, import_: Import) -> None:
    look.heading(about_imports.title(import_))
    with st.container(horizontal=True, vertical_alignment="center"):
        look.state_badge(import_)
        st.write(about_imports.headline(import_))
    query = visit.query(**{"import": import_.id})
    page = "create_balance.py" if import_.kind == "form" else "import_file.py"
    st.page_link(page, label="Continue this draft", icon=":material/arrow_forward:", query_params=query)
