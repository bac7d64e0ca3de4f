"""Create a balance: a form; or, with an import in the link, its outcome."""

import streamlit as st

from pages.balance import form
from pages.balance.result import show_outcome
from pages.kit import context, person
from pages.kit.picker import pick

here = context.current()

if here.import_ is not None and here.import_.kind != "form":
    st.switch_page("import_file.py", query_params=here.query(**{"import": here.import_.id}))
if here.import_ is not None:
    form.release()
    show_outcome(here, here.import_)
    st.stop()

st.title("Create a balance")
st.write("A balance is an account in your ledger. It starts at zero. Balance Desk never moves money.")

ledger = pick(
    "Ledger",
    form.LEDGER,
    search=form.ledgers(here),
    placeholder="Search by name, or paste an id",
    list_first=True,
)
form.currency_field(here.connected().custom_currencies)
identity = pick(
    "Identity (optional)",
    form.IDENTITY,
    search=form.identities(here),
    placeholder="Search by name or email, or paste an id",
    list_first=False,
    hint="The person or organization that the balance belongs to.",
)
with st.expander("Metadata (optional)"):
    pairs = form.metadata_grid()
with st.expander("More (optional)"):
    form.more_fields()
person.name_field(here)
form.create_button(here, ledger, identity, pairs)
