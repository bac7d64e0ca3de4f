"""Takes a file and makes its draft, which the address carries at once."""

import streamlit as st

from blnk_api.imports import drafts
from blnk_api.imports.journal import imports
from pages.parts import look, person
from pages.parts.visit import Visit

_EXAMPLE = """ledger_id,currency,identity_id,customer_number
ldg_073f7ffe-9dfd-42ce-aa50-d1dca1788adc,USD,idt_4ebde81c-6e9c-4b8d-9f2c-7f8b2f7d3b1e,1001
ldg_073f7ffe-9dfd-42ce-aa50-d1dca1788adc,EUR,,1002
"""


def show(visit: Visit) -> None:
    person.name_field(visit)
    uploaded = st.file_uploader("A CSV or XLSX file, at most 100 MB", key=f"file-{_next_id()}")
    with st.expander("What the file must look like"):
        st.write(
            "One row for each balance, with the names of the columns in the first row. The ledger (by id or "
            "name) and the currency are needed, the identity is optional, and every other column is kept as "
            "metadata."
        )
        st.code(_EXAMPLE, language=None)
    if uploaded is None:
        return
    try:
        who = person.name(visit)
        drafts.upload(
            visit.desk.journal,
            visit.desk.settings,
            id=_next_id(),
            connection=visit.connected(),
            who=who,
            file_name=uploaded.name,
            data=uploaded,
        )
    except ValueError as no_name:
        look.problem(str(no_name))
    except OSError:
        look.problem("The file could not be kept: the disk of this server is full or not writable.")
    else:
        # The address first: a rerun that comes in between finds the same draft again, not another one.
        st.query_params["import"] = _next_id()
        del st.session_state["upload-id"]
        st.rerun()


def _next_id() -> str:
    """The id that the next file gets: a rerun in the middle makes the same draft, not another."""
    id: str = st.session_state.setdefault("upload-id", imports.new_id())
    return id
