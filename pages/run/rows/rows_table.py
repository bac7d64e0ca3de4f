"""The rows of an import, page by page, in file order, of one status if one is chosen."""

import time
from collections.abc import Callable
from functools import partial

import streamlit as st

from blnk_api.store import rows
from blnk_api.store.imports import Import
from blnk_api.store.rows import StoredRow
from blnk_api.store.states import STATUSES, RowState
from blnk_api.wording import about_files
from pages.kit import auto_refresh, look
from pages.kit.context import Visit
from pages.run.rows import row_link

_PAGE_ROWS = 100
_HEIGHT = 460
_FIT = 12
"""How many rows the table shows without scrolling."""
_WIDTHS = {
    "Row": st.column_config.TextColumn(width=60),
    "Status": st.column_config.TextColumn(width=125),
    "Balance id": st.column_config.TextColumn(width=315),
    "Message": st.column_config.TextColumn(width=300),
}
"""Fixed, so that columns do not jump while ids arrive."""


_MAY_MOVE = {RowState.READY, RowState.SENDING, RowState.UNKNOWN}
_SLOWER = 5
"""How much less often a page is refreshed on which every row is finished: many watchers would pay for it."""


def show(visit: Visit, import_: Import) -> None:
    status: str | None = st.session_state.get(f"rows-state-{import_.id}")
    moves = _moves(status, _page(visit, import_, status)[0])
    soon = visit.desk.settings.waits.page_refresh
    every = None if import_.is_over else soon if moves else soon * _SLOWER
    # The page is redrawn to refresh less often, but not at once: it may just have been opened.
    rests_from = time.monotonic() + soon * _SLOWER
    auto_refresh.show(partial(_table, visit, import_, moves, rests_from), every=every)


def _places(import_: Import, status: str | None) -> list[int]:
    """The id of the row before each page that was opened on the way to this one."""
    places: list[int] = st.session_state.setdefault(f"rows-pages-{import_.id}-{status}", [0])
    return places


def _page(visit: Visit, import_: Import, status: str | None) -> tuple[list[StoredRow], bool]:
    """The rows shown now, and whether there are more."""
    after, limit = _places(import_, status)[-1], _PAGE_ROWS + 1
    with visit.desk.store.read() as tx:
        if status is None:
            found = rows.page(tx, import_.number, after=after, limit=limit)
        else:
            found = rows.of_status(tx, import_.number, status, after=after, limit=limit)
    return found[:_PAGE_ROWS], len(found) > _PAGE_ROWS


def _moves(status: str | None, page: list[StoredRow]) -> bool:
    """Whether the page may change soon. A page of one status always may."""
    return status is not None or any(row.state in _MAY_MOVE for row in page)


def _table(
    visit: Visit, import_: Import, moved: bool, rests_from: float, redraw_page: Callable[[], None]
) -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        st.subheader("Rows")
        typed = st.text_input(
            "Open row",
            key=f"open-row-{import_.id}",
            placeholder="Open row number…",
            label_visibility="collapsed",
            width=180,
        )
        if typed and typed.strip():
            row_link.open_now(typed.strip())
        status = st.selectbox(
            "Status",
            list(STATUSES),
            index=None,
            key=f"rows-state-{import_.id}",
            placeholder="All statuses",
            label_visibility="collapsed",
            width=200,
        )
    page, more = _page(visit, import_, status)
    pages = _places(import_, status)
    moves = _moves(status, page)
    if not import_.is_over and moves is not moved and (moves or time.monotonic() > rests_from):
        redraw_page()  # how often it refreshes is decided there
    if not page:
        st.caption("No row has this status." if status else "No rows.")
        return
    # Imported here: see app.py.
    import pyarrow as pa

    chosen = st.dataframe(
        pa.table(_columns(import_, page)),  # a tenth of the work of a dict, for each of many watchers
        hide_index=True,
        # Part of the key, because a selection is a position, which means another row on another page.
        key=f"rows-{import_.id}-{status}-{pages[-1]}",
        column_config=_WIDTHS,
        height=_HEIGHT if len(page) > _FIT else "content",
        on_select="rerun",
        selection_mode="single-row",
    ).selection.rows
    if chosen and chosen[0] < len(page):
        row_link.open_now(page[chosen[0]].label)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Back", disabled=len(pages) == 1, key=f"rows-back-{import_.id}", on_click=_back, args=[pages]
        )
        st.button(
            "Next",
            disabled=not more,
            key=f"rows-next-{import_.id}",
            on_click=pages.append,
            args=[page[-1].id],
        )
        st.caption(f"Rows {page[0].label} to {page[-1].label}. Select one to open it.")


def _back(pages: list[int]) -> None:
    pages.pop()


def _columns(import_: Import, page: list[StoredRow]) -> dict[str, list[str]]:
    table = {
        "Row": [row.label for row in page],
        "Status": [f"{look.ROW_SIGNS[row.state]} {row.status}" for row in page],
        "Balance id": [row.balance_id or "" for row in page],
    }
    if any(messages := [_message(row) for row in page]):
        table["Message"] = messages
    headers = about_files.columns(import_, taken=list(table))
    for at, name in enumerate(headers):
        table[name] = [row.cells[at] if at < len(row.cells) else "" for row in page]
    return table


def _message(row: StoredRow) -> str:
    if row.message or row.state is not RowState.INVALID:
        return row.message or ""
    return row.wrong
