"""Every balance as it will be created, page by page, and the requests as they will be sent."""

from collections.abc import Sequence

import streamlit as st

from blnk_api.models import IMPORT_ID, IMPORT_REF
from blnk_api.store import rows
from blnk_api.store.imports import Import
from blnk_api.store.rows import StoredRow
from blnk_api.store.states import RowState
from blnk_api.wording import about_files
from pages.kit.context import Visit

_PAGE_ROWS = 100
_FIT = 8
_HEIGHT = 340


def show(visit: Visit, import_: Import) -> None:
    """The current draft. A new version starts at the first row again."""
    key = f"planned-{import_.id}-{import_.version}"
    places: list[int] = st.session_state.setdefault(key, [0])
    with visit.desk.store.read() as tx:
        found = rows.page(tx, import_.number, states=[RowState.READY], after=places[-1], limit=_PAGE_ROWS + 1)
    page = found[:_PAGE_ROWS]
    if not page:
        return
    st.dataframe(
        about_files.as_planned(import_, page),
        hide_index=True,
        key=f"{key}-{places[-1]}",
        height=_HEIGHT if len(page) > _FIT else "content",
        column_config={"Row": st.column_config.TextColumn(width=60, pinned=True)},
    )
    if len(found) > _PAGE_ROWS or len(places) > 1:
        ready = import_.counts.get(RowState.READY, 0)
        _pager(key, places, page, ready, is_last=len(found) <= _PAGE_ROWS)
    with st.expander("Preview of requests", key=f"first-{import_.id}"):
        st.dataframe(about_files.as_sent(page), hide_index=True)
        st.caption(
            f"The metadata of each balance includes {IMPORT_ID} (this import) and {IMPORT_REF} (this row's "
            "idempotency key). They identify the balance later, so that it is never created twice."
        )


def _pager(key: str, places: list[int], page: Sequence[StoredRow], ready: int, *, is_last: bool) -> None:
    before = (len(places) - 1) * _PAGE_ROWS
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Previous", key=f"{key}-back", disabled=len(places) == 1, on_click=_back, args=[places])
        st.button("Next", key=f"{key}-next", disabled=is_last, on_click=places.append, args=[page[-1].id])
        st.caption(f"Balances {before + 1:,} to {before + len(page):,} of {ready:,}")


def _back(places: list[int]) -> None:
    places.pop()
