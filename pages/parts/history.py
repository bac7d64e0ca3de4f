"""The list of imports, newest first, a page at a time."""

import streamlit as st

from blnk_api import words
from blnk_api.imports.journal import imports
from blnk_api.imports.journal.imports import Import
from pages.parts import look
from pages.parts.visit import Visit

_PAGE = 25


def show(visit: Visit) -> None:
    befores: list[int | None] = st.session_state.setdefault("history-pages", [None])
    with visit.desk.journal.read() as tx:
        found = imports.newest(tx, before=befores[-1], limit=_PAGE + 1)
    if not found:
        st.write("Nothing was imported yet.")
        with st.container(horizontal=True):
            st.page_link("import_file.py", label="Import a file", query_params=visit.query())
            st.page_link("create_balance.py", label="Create one balance", query_params=visit.query())
        return
    with st.container(border=True, key="history", gap="xxsmall"):
        for import_ in found[:_PAGE]:
            _entry(visit, import_)
    if len(found) > _PAGE or len(befores) > 1:
        with st.container(horizontal=True):
            if st.button("Newer", disabled=len(befores) == 1):
                befores.pop()
                st.rerun()
            if st.button("Older", disabled=len(found) <= _PAGE):
                befores.append(found[_PAGE - 1].number)
                st.rerun()


def _entry(visit: Visit, import_: Import) -> None:
    connection = visit.desk.settings.connection_of(import_.instance)
    query = {"import": import_.id} | ({"connection": connection.name} if connection else {})
    page = "create_balance.py" if import_.kind == "form" else "imports.py"
    zone = words.zone(st.context.timezone)
    name, state, at = st.columns([5, 2, 3], vertical_alignment="center")
    with name, st.container(gap=None):
        st.page_link(page, label=f"**{look.safe(words.title(import_))}**", query_params=query)
        st.write(words.headline(import_))
    with state:
        look.state_badge(import_.state)
    with at, st.container(gap=None):
        st.caption(words.when(import_.created_at, zone))
        st.caption(look.safe(words.actor(import_.who)))
        st.caption(look.place(import_.instance, connection))


def show_draft(visit: Visit, import_: Import) -> None:
    look.heading(words.title(import_))
    with st.container(horizontal=True, vertical_alignment="center"):
        look.state_badge(import_.state)
        st.write(words.headline(import_))
    query = visit.query(**{"import": import_.id})
    page = "create_balance.py" if import_.kind == "form" else "import_file.py"
    st.page_link(page, label="Go on with this draft", icon=":material/arrow_forward:", query_params=query)
