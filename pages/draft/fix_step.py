"""The third step of a draft: the problems of its rows, and skipped rows."""

import streamlit as st

from blnk_api.drafts.guide import steps
from blnk_api.reports.results import Variant
from blnk_api.store.imports import Import
from blnk_api.store.states import RowState
from pages.draft.fix import find_replace, fix_in_workbook, problem_list, row_table, skipped_rows
from pages.kit import look
from pages.kit.context import Visit
from pages.run import downloads


def show(visit: Visit, import_: Import) -> None:
    st.subheader("Problems")
    if not steps.has_rows(import_):
        st.write("The rows are being checked.")
        return
    for sentence in import_.totals.not_checked:
        look.warning(sentence)
    if not import_.counts.get(RowState.READY, 0) and not import_.counts.get(RowState.INVALID, 0):
        st.write("There are no balances to create.")
    elif not import_.counts.get(RowState.INVALID, 0):
        st.write("No invalid rows.")
    problem_list.show(visit, import_)
    row_table.show(visit, import_)
    if import_.counts.get(RowState.INVALID, 0):
        fix_in_workbook.show(visit, import_)
        find_replace.show(visit, import_)
        downloads.link(visit, import_, Variant.ALL, "All rows, with problems")
    skipped_rows.show(visit, import_)
