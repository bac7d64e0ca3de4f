"""Balances: a search in Blnk; or, with an id in the link, one balance."""

import streamlit as st

from pages.balance import balances_table, one_balance
from pages.kit import context

here = context.current()

if id := st.query_params.get("id"):
    one_balance.show(here, id)
else:
    st.title("Balances")
    balances_table.show(here)
