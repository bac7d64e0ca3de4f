"""What became known of an import after its end, and which of its rows are checked in Blnk again."""

import streamlit as st

from blnk_api import words
from blnk_api.imports import told_late
from blnk_api.imports.journal import late
from blnk_api.imports.journal.imports import Import
from pages.parts import look
from pages.parts.visit import Visit


def show(visit: Visit, import_: Import) -> None:
    """Once for each visit: all of an import's events are gone through for it."""
    with visit.desk.journal.read() as tx:
        became_known = told_late.findings(tx, import_)
        looks = late.of_import(tx, import_.number)
    for sentence in became_known:
        look.warning(sentence)
    zone = words.zone(st.context.timezone)
    to_come = told_late.still_to_look(looks, lambda at: words.when(at, zone))
    if to_come:
        with st.container(key="checked-again"):
            st.caption(look.safe(to_come))
