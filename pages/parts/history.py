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
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.page_link(page, label=look.safe(words.title(import_)), query_params=query)
            look.state_badge(import_.state)
            st.badge(look.environment(import_.instance), color="gray")
        st.write(words.headline(import_))
        st.caption(
            f"{words.when(import_.created_at, zone)} · {look.safe(words.actor(import_.who))} · "
            f"{look.safe(words.instance(import_.instance, connection))}"
        )


def show_draft(visit: Visit, import_: Import) -> None:
    look.heading(words.title(import_))
    with st.container(horizontal=True, vertical_alignment="center"):
        look.state_badge(import_.state)
        st.write(words.headline(import_))
    query = visit.query(**{"import": import_.id})
    page = "create_balance.py" if import_.kind == "form" else "import_file.py"
    st.page_link(page, label="Go on with this draft", icon=":material/arrow_forward:", query_params=query)
