"""The bar at the bottom of a draft: its counts or the progress of its check, and the main button."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from blnk_api.drafts.guide import steps
from blnk_api.drafts.guide.steps import Step
from blnk_api.store.imports import Import
from blnk_api.store.states import ImportState, RowState, Stage
from blnk_api.wording import about_files, about_imports, phrases
from pages.draft import confirm_step, steps_row
from pages.draft.confirm_step import Confirmation
from pages.kit import auto_refresh, banner, look
from pages.kit.context import Visit

_LONG_FILE_ROWS = 20_000


def show(visit: Visit, import_: Import, now: Step, confirmation: Confirmation | None) -> bool:
    """Returns whether the draft was just handed over, to the sender or for approval."""
    with st.bottom, st.container(key="foot"):
        with st.container(horizontal=True, vertical_alignment="center"):
            if steps.is_being_checked(import_):
                every = visit.desk.settings.waits.form_refresh
                auto_refresh.show(partial(_watch, visit, import_), every=every)
            elif import_.row_count:
                st.markdown(about_files.row_counts(import_), width="stretch")
            else:
                st.markdown(about_imports.headline(import_), width="stretch")
            if now is not Step.CONFIRM:
                _continue(import_, now)
                return False
            invalid = import_.counts.get(RowState.INVALID, 0)
            pressed = confirm_step.button(visit, import_, invalid, is_off=confirmation is None)
            if invalid:
                label = f"Fix {phrases.plural(invalid, 'row')}"
                st.button(label, type="primary", key="to-fix", on_click=steps_row.go, args=[Step.FIX])
        return pressed and confirmation is not None and confirm_step.hand_over(visit, import_, confirmation)


def _continue(import_: Import, now: Step) -> None:
    following = steps.next_step(import_, now)
    if following is None or import_.stage is Stage.UNREADABLE:
        return
    st.button(
        "Continue",
        type="primary",
        key="continue",
        on_click=steps_row.go,
        args=[following.step],
        disabled=not following.is_open,
    )


def _watch(visit: Visit, seen: Import, redraw_page: Callable[[], None]) -> None:
    import_ = visit.reload(seen.id)
    assert import_ is not None
    moved = not steps.is_being_checked(import_) or import_.version != seen.version
    was_read = seen.shape is None and import_.shape is not None
    if moved or was_read or import_.state is not ImportState.DRAFT:
        redraw_page()
        return
    st.status(about_imports.headline(import_), type="compact", state="running")
    expected = import_.shape.rows_estimate if import_.shape else 0
    if import_.stage is Stage.CHECKING and expected > _LONG_FILE_ROWS:
        st.progress(min(1.0, import_.stage_progress / expected))
    if import_.problem:
        look.warning(f"{import_.problem} The check continues automatically.")
    banner.sending_here(visit, import_)
