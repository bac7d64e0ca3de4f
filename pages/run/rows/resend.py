"""A row that Blnk rejected: its cells, to edit and send again."""

import streamlit as st

from blnk_api.access.actors import Actor
from blnk_api.facts.mapping import OUR_OWN, Use
from blnk_api.review import resend_repaired
from blnk_api.store.imports import Import
from blnk_api.store.rows import StoredRow
from blnk_api.store.states import ImportState
from blnk_api.wording import about_files
from pages.kit import look, person
from pages.kit.context import Visit
from pages.run.rows import resolve

_NOT_ASKED = (Use.IGNORE, *OUR_OWN)
_MOST_FIELDS = 60
"""A row with more fields is fixed in a file."""


def is_possible(import_: Import, row: StoredRow) -> bool:
    return (
        import_.kind == "file"
        and row.body is not None
        and import_.state is not ImportState.CANCELLED
        and 0 < len(_columns(import_)) <= _MOST_FIELDS
    )


def _columns(import_: Import) -> list[tuple[int, str]]:
    """Position and name of the columns that are sent."""
    names = about_files.columns(import_)
    return [(one.position, names[one.position]) for one in import_.columns if one.use not in _NOT_ASKED]


def form(visit: Visit, import_: Import, row: StoredRow) -> None:
    st.markdown("**Fix and send again**: the row stays in this import, and is checked first.")
    cells: dict[int, str] = {}
    with st.form(f"repair-{row.id}", border=False, enter_to_submit=False):
        person.name_field(visit)
        for at, name in _columns(import_):
            cells[at] = _field(row, at, name)
        pressed = st.form_submit_button("Send fixed row", type="primary")
        resolve.creates(visit, import_)
    if pressed:
        resolve.by_name(visit, lambda who: _send(visit, row, cells, who))


def _field(row: StoredRow, at: int, name: str) -> str:
    text = row.cells[at] if at < len(row.cells) else ""
    label = look.label(name)
    key = f"cell-{row.id}-{at}"
    # A single-line field would lose line breaks.
    typed = st.text_area(label, text, key=key) if "\n" in text else st.text_input(label, text, key=key)
    return typed or ""


def _send(visit: Visit, row: StoredRow, cells: dict[int, str], who: Actor) -> None:
    connection = visit.connected()
    with visit.desk.client(connection) as client:
        resend_repaired.send_repaired(visit.desk.store, client, connection, row.id, cells, who=who)
