"""Every visit starts here: the look, the banner that says which Blnk this is, and the way to the pages."""

from pathlib import Path

import streamlit as st

from pages.parts import banner, sidebar, visit

parts = Path(__file__).parent / "parts"
st.html(parts / "style.css")
st.logo(parts / "mark.svg")

pages = [
    st.Page("create_balance.py", title="Create a balance", icon=":material/add_circle:", default=True),
    st.Page("import_file.py", title="Import a file", icon=":material/upload_file:"),
    st.Page("imports.py", title="Imports", icon=":material/list_alt:"),
    st.Page("balances.py", title="Balances", icon=":material/account_balance:"),
    st.Page("connection.py", title="Connection", icon=":material/power:"),
]
page = st.navigation(pages, position="hidden")
st.set_page_config(page_title=f"{page.title} · Balance Desk", page_icon=":material/account_balance_wallet:")
here = visit.begin()
sidebar.show(here, pages)
banner.show(here)
if page.title != "Connection":
    banner.not_well(here)
page.run()
