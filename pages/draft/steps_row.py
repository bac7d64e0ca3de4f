"""The row of steps above a draft. The open step is part of the address."""

import streamlit as st

from blnk_api.drafts.guide import steps
from blnk_api.drafts.guide.steps import Step
from blnk_api.store.imports import Import
from pages.draft.fix import undo_lines
from pages.kit import look

NAMES = {Step.FILE: "File", Step.COLUMNS: "Columns", Step.FIX: "Fix", Step.CONFIRM: "Confirm"}
_NAME = "step"


def current(import_: Import) -> Step:
    """The step in the address. Without one, the first with an open decision; the address is then set once, so
    that going back leaves the draft."""
    named_step = st.query_params.get(_NAME)
    shown = steps.shown_step(import_, named_step)
    if steps.is_being_checked(import_) or named_step == shown:
        return shown
    landed: Step = st.session_state.setdefault(f"landed-{import_.id}", shown)
    if landed is shown and named_step is None and f"said-{import_.id}" not in st.session_state:
        st.session_state[f"said-{import_.id}"] = True
        st.query_params[_NAME] = shown
    return steps.shown_step(import_, landed if named_step is None else named_step)


def show(import_: Import, now: Step) -> None:
    if now is not Step.FIX:
        undo_lines.forget(import_)
    with st.container(key="steps", horizontal=True, gap="small"):
        for number, one in enumerate(steps.steps_of(import_), 1):
            count = f" ({one.count:,})" if one.count else ""
            name = f"{number} {NAMES[one.step]}{count}"
            if one.step is now:
                st.html(f'<span class="step" aria-current="step">{name}</span>', width="content")
            else:
                st.button(
                    name,
                    key=f"step-{one.step}",
                    on_click=go,
                    args=[one.step],
                    disabled=not one.is_open,
                    icon=":material/check:" if one.is_done else None,
                    type="tertiary",
                )


def go(step: Step) -> None:
    """Opens a step; for a button's callback."""
    st.query_params[_NAME] = step
    look.begin_at_the_top()


def leave() -> None:
    """Removes the step from the address: the import is no longer a draft."""
    st.query_params.pop(_NAME, None)
