"""What a person reads when a page breaks. The details are in the server's log, never on the page."""

import streamlit as st


def show(_: Exception) -> bool:
    """True: nothing else is shown."""
    st.error(
        "This page could not be shown completely. Nothing was sent because of it, and imports that were "
        "confirmed go on. Load the page again; if that does not help, the server's log says what happened.",
        icon=":material/error:",
    )
    return True
