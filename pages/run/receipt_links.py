"""An import's receipts: links to the newest, and to earlier ones."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from blnk_api.store.imports import Import
from blnk_api.store.people import receipt_records
from blnk_api.store.people.receipt_records import ReceiptHeading
from blnk_api.web import receipt_routes, routes
from blnk_api.wording import phrases
from pages.kit import auto_refresh
from pages.kit.context import Visit

_SHOWN = 20


def show(visit: Visit, import_: Import) -> None:
    """Nothing while the import runs. Until the receipt is written, says that it is being written."""
    if not import_.is_over or not (import_.has_sent or import_.confirmed_at):
        return
    with visit.desk.store.read() as tx:
        found = receipt_records.headings(tx, import_.number)
        owed = receipt_records.is_owed(tx, import_.number)
    if owed:
        every = visit.desk.settings.waits.page_refresh
        auto_refresh.show(partial(_wait, visit, import_, len(found)), every=every)
    if not found:
        return
    newest, *earlier = reversed(found)
    st.subheader("Receipt")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.link_button(
            f"Receipt {newest.n}",
            _url(visit, import_, newest.n),
            icon=":material/receipt_long:",
            help="A printable record of this import, with the SHA-256 of its results.",
        )
        st.link_button(
            "Evidence bundle",
            routes.evidence_url(visit.desk.links, import_.id),
            icon=":material/folder_zip:",
            help="One ZIP: the file as uploaded, columns, edits, activity, results and receipts, with the "
            "SHA-256 of each.",
        )
        st.caption(f"Written {_when(newest)}. It never changes: later events produce a new receipt.")
    if earlier:
        with st.expander(f"Earlier receipts ({len(earlier):,})", key=f"receipts-{import_.id}"):
            for one in earlier[:_SHOWN]:
                st.markdown(f"[Receipt {one.n}]({_url(visit, import_, one.n)}), written {_when(one)}")


def _wait(visit: Visit, import_: Import, known: int, redraw_page: Callable[[], None]) -> None:
    with visit.desk.store.read() as tx:
        is_there = len(receipt_records.headings(tx, import_.number)) > known
        owed = receipt_records.is_owed(tx, import_.number)
    if is_there or not owed:
        redraw_page()
    what = "The next receipt is" if known else "The receipt is"
    st.caption(f"{what} being written.")


def _when(one: ReceiptHeading) -> str:
    return phrases.when(one.at, phrases.zone(st.context.timezone))


def _url(visit: Visit, import_: Import, n: int) -> str:
    return receipt_routes.receipt_url(visit.desk.links, import_.id, n, zone=st.context.timezone)
