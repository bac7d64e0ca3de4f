"""A draft for viewers who may not change it: what it would create, its problems, what was done."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from blnk_api.drafts.guide import steps
from blnk_api.store.imports import Import
from blnk_api.store.states import ImportState
from blnk_api.wording import about_files, about_imports
from pages.draft import planned_rows
from pages.kit import auto_refresh, look
from pages.kit.context import Visit


def show(visit: Visit, import_: Import) -> None:
    if steps.is_being_checked(import_):
        auto_refresh.show(partial(_watch, visit, import_), every=visit.desk.settings.waits.page_refresh)
        return
    st.markdown(f"**{about_imports.headline(import_)}**")
    if import_.problem:
        look.warning(import_.problem)
    if import_.row_count:
        st.markdown(about_files.row_counts(import_))
    for one in import_.totals.problems:
        st.caption(look.safe(one.sentence or one.message))
    planned_rows.show(visit, import_)


def _watch(visit: Visit, seen: Import, redraw_page: Callable[[], None]) -> None:
    import_ = visit.reload(seen.id)
    if import_ is None or import_.state is not ImportState.DRAFT or not steps.is_being_checked(import_):
        redraw_page()
        return
    st.status(about_imports.headline(import_), type="compact", state="running")
