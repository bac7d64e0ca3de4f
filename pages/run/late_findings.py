"""What became known about an import after its end, and which rows are being checked in Blnk again."""

import streamlit as st

from blnk_api.store.imports import Import
from blnk_api.store.sending import late_records
from blnk_api.wording import about_findings, phrases
from pages.kit import look
from pages.kit.context import Visit


def show(visit: Visit, import_: Import) -> None:
    """Once per visit, because it reads all events of an import."""
    with visit.desk.store.read() as tx:
        became_known = about_findings.became_known(tx, import_)
        looks = late_records.of_import(tx, import_.number)
    for sentence in became_known:
        look.warning(sentence)
    zone = phrases.zone(st.context.timezone)
    to_come = about_findings.pending_checks(looks, lambda at: phrases.when(at, zone))
    if to_come:
        with st.container(key="checked-again"):
            st.caption(look.safe(to_come))
