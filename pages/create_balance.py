"""Create a balance: a form; or, with an import in the link, its outcome."""

import streamlit as st

from blnk_api.access.acts import Act
from blnk_api.facts.mapping import Use
from pages.balance import form, form_state
from pages.balance.form_state import IDENTITY, LEDGER, METADATA, MORE
from pages.balance.result import show_outcome
from pages.kit import context, permission
from pages.kit.picker import pick, searched

here = context.current()

if here.import_ is not None and here.import_.kind != "form":
    st.switch_page("import_file.py", query_params=here.query(**{"import": here.import_.id}))
if here.import_ is not None:
    form_state.release()
    show_outcome(here, here.import_)
    st.stop()

form_state.restore()
st.title("Create a balance")
st.write("A balance is an account in your ledger. It starts at zero. Balance Desk never moves money.")
if not permission.offered(here, Act.CREATE_ONE):
    st.stop()

ledger = pick(
    "Ledger",
    LEDGER,
    search=form.ledgers(here),
    placeholder="Search by name, or paste an id",
    list_first=True,
)
form_state.wrong(Use.LEDGER, ledger)
form.currency_field(here)
identity = pick(
    "Identity (optional)",
    IDENTITY,
    search=form.identities(here),
    placeholder="Search by name or email, or paste an id",
    list_first=False,
    hint="The person or organization that the balance belongs to.",
)
form_state.wrong(Use.IDENTITY, identity or searched(IDENTITY))
with st.expander("Metadata (optional)", key=METADATA, on_change="rerun"):
    pairs = form.metadata_fields()
with st.expander("More (optional)", key=MORE, on_change="rerun"):
    form.more_fields(ledger, identity)
form.name_field(here)
form.create_button(here, ledger, identity, pairs)
form_state.remember()
