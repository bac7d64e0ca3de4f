"""Notes on an import or on a balance, oldest first, and a field for the next one."""

from collections.abc import Sequence

import streamlit as st

from blnk_api.access.actors import Actor
from blnk_api.access.acts import Act
from blnk_api.store.imports import Import
from blnk_api.store.people import notes, people
from blnk_api.store.people.notes import Note
from blnk_api.wording import phrases
from pages.kit import look, permission, person
from pages.kit.context import Visit


def on_import(visit: Visit, import_: Import) -> None:
    """Notes on the import and on the balances that it created."""
    with visit.desk.store.read() as tx:
        found = notes.of_import(tx, import_.number)
    with st.expander(_title("Notes", found), expanded=bool(found), key=f"notes-{import_.id}"):
        st.caption("Record what happened and why. Notes are dated and signed, and cannot be changed.")
        _listed(visit, found)
        if typed := _form(visit, f"import-{import_.id}"):
            text, who = typed
            with visit.desk.store.write() as tx:
                notes.add_to_import(tx, import_, text, who=who)
            st.rerun()


def on_balance(visit: Visit, instance: int, balance_id: str) -> None:
    """Notes on a balance; `instance` is its number in the import database."""
    with visit.desk.store.read() as tx:
        found = notes.of_balance(tx, instance, balance_id)
    with st.expander(_title("Notes on this balance", found), expanded=bool(found), key=f"notes-{balance_id}"):
        st.caption(
            "A balance created by mistake cannot be deleted, but you can explain it here for everyone."
        )
        _listed(visit, found)
        if typed := _form(visit, f"balance-{balance_id}"):
            text, who = typed
            with visit.desk.store.write() as tx:
                notes.add_to_balance(tx, instance, balance_id, text, who=who)
            st.rerun()


def _title(what: str, found: Sequence[Note]) -> str:
    return f"{what} ({len(found):,})" if found else what


def _listed(visit: Visit, found: Sequence[Note]) -> None:
    zone = phrases.zone(st.context.timezone)
    for one in found:
        with st.container(border=True, gap="xxsmall"):
            st.text(one.text)
            about = f" · on {one.balance_id}" if one.balance_id else ""
            st.caption(look.safe(f"{person.called(visit, one.who)} · {phrases.when(one.at, zone)}{about}"))


def _form(visit: Visit, key: str) -> tuple[str, Actor] | None:
    """The text and its author, if the button was just clicked and both are there."""
    if not permission.offered(visit, Act.NOTE):
        return None
    kept = f"notes-made-{key}"
    made: int = st.session_state.setdefault(kept, 0)  # each note has a field of its own, which starts empty
    with st.form(f"note-{key}", border=False, enter_to_submit=False):
        field = f"note-text-{key}-{made}"
        text = st.text_area("New note", key=field, max_chars=notes.MAX_CHARACTERS, height=90)
        name = None
        if visit.who is None:
            name = st.text_input("Your name", key=f"note-name-{key}", max_chars=people.MAX_NAME_CHARACTERS)
        pressed = st.form_submit_button("Add note")
    if not pressed:
        return None
    try:
        if not (text or "").strip():
            raise ValueError("Enter the note first.")
        who = visit.who or person.keep(visit, name or "")
    except ValueError as problem:
        look.problem(str(problem))
        return None
    st.session_state[kept] = made + 1
    return text or "", who
