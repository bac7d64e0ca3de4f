"""Balances: found in Blnk by what a person knows of them; or, with an id in the link, that one."""

import streamlit as st

from pages.parts import balance_view, balances_table, visit

here = visit.current()

if id := st.query_params.get("id"):
    balance_view.show(here, id)
else:
    st.title("Balances")
    balances_table.show(here)
