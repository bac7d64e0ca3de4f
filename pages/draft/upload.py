"""Takes a file, or pasted rows, and creates a draft, whose id is put into the address at once."""

import io
from pathlib import Path
from typing import BinaryIO

import streamlit as st

from blnk_api import practice
from blnk_api.access.actors import NotAllowed
from blnk_api.access.acts import Act
from blnk_api.drafts import drafts
from blnk_api.facts.file_shape import ReadOptions
from blnk_api.files.kinds import FileKind
from blnk_api.store import imports
from blnk_api.web import routes
from pages.kit import held_uploads, look, permission, person
from pages.kit.context import Visit

_EXAMPLE = """ledger_id,currency,identity_id,customer_number
ldg_073f7ffe-9dfd-42ce-aa50-d1dca1788adc,USD,idt_4ebde81c-6e9c-4b8d-9f2c-7f8b2f7d3b1e,1001
ldg_073f7ffe-9dfd-42ce-aa50-d1dca1788adc,EUR,,1002
"""


def show(visit: Visit) -> None:
    if not permission.offered(visit, Act.UPLOAD):
        return
    person.first_step(visit)
    left, right = st.columns([5, 3], gap="medium")
    with left:
        _take(visit)
    with right:
        with st.container(border=True, key="template"):
            st.markdown("**Start from a template**")
            st.caption("The XLSX template lists your ledgers and the currencies to choose from in its cells.")
            with st.container(horizontal=True):
                for kind in reversed(FileKind):
                    url = routes.template_url(visit.desk.links, visit.connected().name, kind)
                    st.link_button(str(kind).upper(), url, icon=":material/download:")
        with st.container(border=True, key="one-balance"):
            st.markdown("**Create one balance**")
            st.caption("A form for a single balance, without a file.")
            st.page_link("create_balance.py", label="Open the form", query_params=visit.query())


def _take(visit: Visit) -> None:
    with st.container(key="drop"):
        uploaded = st.file_uploader("CSV or XLSX file, up to 100 MB", key=f"file-{_next_id()}")
    if uploaded is not None:
        _begin(visit, uploaded.name, uploaded)
    if visit.connected().is_practice and st.button(
        "Try a sample file",
        icon=":material/science:",
        help="60 made-up customers, six of which have problems to fix.",
    ):
        sample = Path(practice.__file__).with_name("sample.csv")
        _begin(visit, "sample customers.csv", io.BytesIO(sample.read_bytes()))
    with st.expander("Paste rows from a spreadsheet instead", key="paste"):
        with st.form(f"paste-{_next_id()}", border=False):
            pasted = st.text_area("Rows, with column names in the first row", key=f"text-{_next_id()}")
            pressed = st.form_submit_button("Check rows")
        if pressed and not pasted.strip():
            st.write("Paste at least the column names and one row.")
        elif pressed:
            _begin(visit, "pasted rows.csv", io.BytesIO(pasted.encode()))
    with st.expander("File format", key="example"):
        st.write(
            "One row per balance, with column names in the first row. The ledger (id or name) and the "
            "currency are required, the identity is optional, and every other column is stored as metadata. "
            "Other column names, separators and encodings are detected, and you can correct them."
        )
        # st.code would load a script of 1.5 MB that knows 300 languages, on each visit of this page.
        # It scrolls on a narrow screen, with the keyboard too.
        st.html(f'<pre tabindex="0" role="region" aria-label="Example of a file">{_EXAMPLE}</pre>')


def _begin(visit: Visit, name: str, data: BinaryIO) -> None:
    try:
        who = person.name(visit)
        drafts.upload(
            visit.desk.store,
            visit.desk.settings,
            id=_next_id(),
            connection=visit.connected(),
            who=who,
            file_name=name,
            data=data,
            options=ReadOptions(saved_mapping=True),
        )
    except (ValueError, drafts.UploadRejected, NotAllowed) as reason:
        look.problem(str(reason))
    except OSError:
        look.problem(
            "The file could not be saved: the disk of this server is full or not writable. Nothing was sent."
        )
    else:
        held_uploads.free(data)
        # The address first: a rerun in between then finds this draft instead of creating another.
        st.query_params["import"] = _next_id()
        del st.session_state["upload-id"]
        st.rerun()


def _next_id() -> str:
    """The id of the next file's draft: a rerun in the middle creates the same draft, not another."""
    id: str = st.session_state.setdefault("upload-id", imports.new_id())
    return id
