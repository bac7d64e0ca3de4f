"""Every visit starts here: the look, the banner that names the Blnk instance, and the navigation."""

from pathlib import Path

import streamlit as st

from pages.kit import banner, context, permission, sidebar, stop_switch

kit = Path(__file__).parent / "kit"
st.html(kit / "style.css")
st.logo(kit / "mark.svg")

# Without icons: Streamlit would load a page's icon from a Google server for the browser tab.
pages = [
    st.Page("import_file.py", title="Import a file"),
    st.Page("create_balance.py", title="Create a balance"),
    st.Page("imports.py", title="Imports"),
    st.Page("balances.py", title="Balances"),
    st.Page("connection.py", title="Connection"),
]
beside = [
    st.Page("home.py", title="Balance Desk", default=True),
    st.Page("audit_trail.py", title="Audit trail"),
]
page = st.navigation([*beside, *pages], position="hidden")
st.set_page_config(page_title=f"{page.title} · Balance Desk", page_icon=kit / "favicon.svg")
here = context.begin()
sidebar.show(here, pages)
permission.stop_without_view(here)
banner.show(here)
stop_switch.banner(here)
if page.title != "Connection":
    banner.show_health_problem(here)
page.run()
