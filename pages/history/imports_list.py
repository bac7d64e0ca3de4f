"""The list of imports, newest first, a page at a time, and the search in it, which stands in the address."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta, tzinfo

import streamlit as st

from blnk_api.files.kinds import FileKind
from blnk_api.settings import Instance
from blnk_api.store import import_search
from blnk_api.store.import_search import BalanceOrigin, Search
from blnk_api.store.imports import Import
from blnk_api.store.states import ImportState
from blnk_api.web import list_routes
from blnk_api.wording import phrases
from pages.kit import look, person
from pages.kit.context import Visit

_PAGE = 25
_ALL = "All connections"
_NEEDS = "Needs you"
_STATES: Mapping[str, ImportState | None] = {
    _NEEDS: None,
    **{phrases.STATE[state]: state for state in ImportState},
}


def show(visit: Visit) -> None:
    zone = phrases.zone(st.context.timezone)
    with visit.desk.store.read() as tx:
        seen = import_search.instances_seen_by(tx, person.or_nobody(visit))
    wanted = _search(visit, zone, seen)
    pages: dict[Search, list[int | None]] = st.session_state.setdefault("history-pages", {})
    befores = pages.setdefault(wanted, [None])
    with visit.desk.store.read() as tx:
        found = import_search.search(tx, wanted, before=befores[-1], limit=_PAGE + 1, among=seen)
        id = wanted.balance_id.strip()
        makers = import_search.makers_of(tx, id, among=seen) if id else []
    if not found:
        _nothing(visit, wanted)
        return
    for maker in makers:
        _maker(visit, maker)
    with st.container(border=True, key="history", gap="xxsmall"):
        for import_ in found[:_PAGE]:
            _entry(visit, import_, zone)
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


def _search(visit: Visit, zone: tzinfo, instances: Mapping[int, Instance]) -> Search:
    """What was asked for; each field stands in the address under its key."""
    with st.container(horizontal=True, key="search"):
        file = st.text_input("File name", key="file", bind="query-params", placeholder="Contains…")
        state = st.selectbox(
            "State", list(_STATES), index=None, key="state", bind="query-params", placeholder="All"
        )
        balance_id = st.text_input("Balance id", key="balance", bind="query-params", placeholder="bln_…")
    own = _own(visit, instances)
    more = any(st.session_state.get(key) for key in ("person", "from", "until"))
    more = more or st.session_state.get("where", own) != own
    with (
        st.expander("Person, dates, connection", expanded=more, key="search-more"),
        st.container(horizontal=True),
    ):
        who = st.text_input("Person", key="person", bind="query-params", placeholder="Contains…")
        first = st.date_input("From", value=None, key="from", bind="query-params")
        last = st.date_input("Until", value=None, key="until", bind="query-params")
        instance = _instance(visit, instances, own)
    return Search(
        file=file or "",
        who=who or "",
        state=_STATES.get(state or ""),
        needs=phrases.NEEDS_SOMEONE if state == _NEEDS else (),
        instance=instance,
        created_from=_midnight(first, zone),
        created_before=_midnight(last + timedelta(days=1) if last else None, zone),
        balance_id=balance_id or "",
    )


def _own(visit: Visit, instances: Mapping[int, Instance]) -> str:
    """The choice that stands until another is made: this connection, where it has imports."""
    if visit.connection is None or visit.connection.instance not in instances.values():
        return _ALL
    return phrases.instance(visit.connection.instance, visit.connection)


def _instance(visit: Visit, instances: Mapping[int, Instance], own: str) -> int | None:
    """The number of the one that was chosen; there is nothing to choose among fewer than two."""
    if len(instances) < 2:
        return None
    named = {
        phrases.instance(one, visit.desk.settings.connection_of(one)): number
        for number, one in instances.items()
    }
    offered = [_ALL, *named]
    chosen = st.selectbox("Connection", offered, index=offered.index(own), key="where", bind="query-params")
    return named.get(chosen)


def _midnight(day: date | None, zone: tzinfo) -> float | None:
    return None if day is None else datetime.combine(day, time(), zone).timestamp()


def _newer(befores: list[int | None]) -> None:
    befores.pop()


def _nothing(visit: Visit, wanted: Search) -> None:
    if not wanted.is_empty:
        with st.container(key="nothing-found"):
            st.write("No matching imports.")
            if wanted.balance_id:
                st.write("No import here created a balance with this id. It may still be in Blnk:")
                query = visit.query(id=wanted.balance_id.strip())
                st.page_link("balances.py", label="Look for it in Blnk", query_params=query)
            st.button("Show all imports", on_click=_forget_search)
        return
    st.write("There are no imports yet. Start with one of these:")
    with st.container(horizontal=True):
        st.page_link("import_file.py", label="Import a file", query_params=visit.query())
        st.page_link("create_balance.py", label="Create one balance", query_params=visit.query())


def _forget_search() -> None:
    for key in ("file", "person", "balance"):
        st.session_state[key] = ""
    for key in ("state", "from", "until"):
        st.session_state[key] = None
    if "where" in st.session_state:
        st.session_state["where"] = _ALL


def _maker(visit: Visit, maker: BalanceOrigin) -> None:
    """Where a balance came from."""
    row, import_ = maker.row, maker.import_
    with st.container(border=True, key=f"maker-{row.id}"):
        made_by = look.safe(phrases.title(import_))
        st.markdown(
            f"Row {row.label} of **{made_by}** created the balance {look.safe(row.balance_id or '')}."
        )
        connection = visit.desk.settings.connection_of(import_.instance)
        if connection is not None:
            query = {"connection": connection.name, "id": row.balance_id or ""}
            st.page_link("balances.py", label="Open the balance", query_params=query)


def _entry(visit: Visit, import_: Import, zone: tzinfo) -> None:
    connection = visit.desk.settings.connection_of(import_.instance)
    query = {"import": import_.id} | ({"connection": connection.name} if connection else {})
    page = "create_balance.py" if import_.kind == "form" else "imports.py"
    name, state, at = st.columns([5, 2, 3], vertical_alignment="center")
    with name, st.container(gap=None):
        st.page_link(page, label=f"**{look.safe(phrases.title(import_))}**", query_params=query)
        st.write(phrases.headline(import_))
    with state:
        look.state_badge(import_)
    with at, st.container(gap=None):
        st.caption(phrases.when(import_.created_at, zone))
        st.caption(look.safe(person.called(visit, import_.who)))
        st.caption(look.place(import_.instance, connection))


def back() -> None:
    """From one import to all of them; a link within one page would leave the address as it is."""
    st.button("All imports", icon=":material/arrow_back:", type="tertiary", on_click=_to_all)


def _to_all() -> None:
    for name in ("import", "row"):
        st.query_params.pop(name, None)


def show_draft(visit: Visit, import_: Import) -> None:
    look.heading(phrases.title(import_))
    with st.container(horizontal=True, vertical_alignment="center"):
        look.state_badge(import_)
        st.write(phrases.headline(import_))
    query = visit.query(**{"import": import_.id})
    page = "create_balance.py" if import_.kind == "form" else "import_file.py"
    st.page_link(page, label="Continue this draft", icon=":material/arrow_forward:", query_params=query)
