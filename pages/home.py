"""The bare address: an earlier link to a balance leads to its page, everything else to the import page."""

import streamlit as st

from pages.kit import context

here = context.current()

if here.import_ is not None:
    st.switch_page("create_balance.py", query_params=here.query(**{"import": here.import_.id}))
st.switch_page("import_file.py", query_params=here.query())
