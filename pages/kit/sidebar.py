"""Navigation, name and connection. Our links keep the connection, which Streamlit's own navigation drops."""

from collections.abc import Sequence

import streamlit as st
from streamlit.navigation.page import Page

from blnk_api.access.actors import Actor, ActorKind
from blnk_api.sign_in import addresses
from blnk_api.store.people import people
from pages.kit import context, look
from pages.kit.context import Visit

_ICONS = {
    "Import a file": ":material/upload_file:",
    "Create a balance": ":material/add_circle:",
    "Imports": ":material/list_alt:",
    "Balances": ":material/account_balance:",
    "Connection": ":material/power:",
}


def show(here: Visit, pages: Sequence[Page]) -> None:
    with st.sidebar:
        with st.container(gap="xxsmall", key="navigation"):
            for page in pages:
                st.page_link(page, icon=_ICONS[page.title], query_params=here.query(), width="stretch")
        st.divider()
        _connection(here)
        if here.who is not None and here.who.kind is ActorKind.PERSON:
            _signed_in(here.who)
        elif here.who is not None:
            _name(here, here.who)


def _connection(here: Visit) -> None:
    if len(here.desk.settings.connections) < 2:
        return
    if here.connection is not None:
        look.fact("Connection", here.connection.label)
    st.button("Change connection", type="tertiary", on_click=context.forget_connection)


def _signed_in(who: Actor) -> None:
    look.fact("Signed in", who.name)
    if who.email and who.email != who.name:
        look.fact("Email", who.email)
    look.go_to("Sign out", addresses.END)


def _name(here: Visit, who: Actor) -> None:
    look.fact("You", who.name)
    with st.popover("Change name", type="tertiary"):
        typed = st.text_input("Your name", value=who.name, max_chars=people.MAX_NAME_CHARACTERS)
        if st.button("Save name"):
            try:
                with here.desk.store.write() as tx:
                    people.set_name(tx, here.browser, typed or "")
            except ValueError as problem:
                st.caption(str(problem))
            else:
                st.rerun()
