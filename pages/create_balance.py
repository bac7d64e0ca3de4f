"""Create a balance: a form, or, with an import in the link, what became of it."""

import streamlit as st

from pages.parts import ask, person, visit
from pages.parts.outcome import show_outcome
from pages.parts.picker import pick

here = visit.current()

if here.import_ is not None and here.import_.kind != "form":
    st.switch_page("import_file.py", query_params=here.query(**{"import": here.import_.id}))
if here.import_ is not None:
    ask.release()
    show_outcome(here, here.import_)
    st.stop()

st.title("Create a balance")
st.write("A balance is an account in your ledger. It starts at zero; this tool never moves money.")

ledger = pick(
    "Ledger",
    ask.LEDGER,
    search=ask.ledgers(here),
    placeholder="Search by name, or paste an id",
    list_first=True,
)
ask.currency_field(here.connected().custom_currencies)
identity = pick(
    "Identity (optional)",
    ask.IDENTITY,
    search=ask.identities(here),
    placeholder="Search by name or e-mail, or paste an id",
    list_first=False,
    hint="Whose balance it is: a person or an organisation that Blnk knows.",
)
with st.expander("Metadata (optional)"):
    pairs = ask.metadata_grid()
with st.expander("More (optional)"):
    ask.more_fields()
person.name_field(here)
ask.create_button(here, ledger, identity, pairs)
