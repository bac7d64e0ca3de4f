"""What a person did in this step: each act is confirmed by a line in its place, with Undo."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypedDict

import streamlit as st

from blnk_api.access.actors import Actor, NotAllowed
from blnk_api.drafts.edits import undo
from blnk_api.drafts.edits.editing import NotRepairable
from blnk_api.drafts.edits.problem_workbook import NotTheseRows
from blnk_api.drafts.rechecking.change_and_check import AtOnce
from blnk_api.store.imports import Import
from blnk_api.store.people import edits
from pages.draft.fix import table_state
from pages.kit import look, person
from pages.kit.context import Visit


@dataclass
class Answers:
    """The acts in one draft, for as long as a visit stays in its third step."""

    order: list[str] = field(default_factory=list)
    """The causes in the order in which they were first shown, so that nothing moves under a pointer."""
    done: dict[str, tuple[str, Callable[[], object] | None]] = field(default_factory=dict)
    """By cause: what was done, and a function that undoes it."""
    problem: str = ""


class _By(TypedDict):
    who: Actor
    at_once: AtOnce


def by(visit: Visit) -> _By:
    """The person, and immediate checking, as arguments for functions that change a draft."""
    return {"who": person.or_nobody(visit), "at_once": visit.desk.at_once}


def of(import_: Import) -> Answers:
    made: Answers = st.session_state.setdefault(f"answers-{import_.id}", Answers())
    return made


def forget(import_: Import) -> None:
    """The step was left. What was done is listed under Edits."""
    st.session_state.pop(f"answers-{import_.id}", None)


def act(
    visit: Visit,
    import_: Import,
    key: str,
    do: Callable[[], int | None],
    done: Callable[[int], str],
    back: Callable[[], object] | None = None,
    *,
    nothing: str = "Nothing was changed: no row has this problem anymore.",
    keeps_table: bool = False,
) -> None:
    """Performs an act from a click, which counts whatever the page is doing.

    `do` returns how many it changed, if known, and `done` is the sentence for that number. `back` undoes it,
    if it is not an edit of rows.
    """
    answers = of(import_)
    answers.problem = ""
    try:
        changed = do()
    except (NotTheseRows, NotRepairable, NotAllowed) as problem:
        answers.problem = str(problem)
        return
    if changed == 0:
        answers.problem = nothing
        return
    if not keeps_table:
        table_state.forget(import_.id)
    answers.done[key] = done(changed or 0), back or _undo_of_last(visit, import_)


def _undo_of_last(visit: Visit, import_: Import) -> Callable[[], object] | None:
    with visit.desk.store.read() as tx:
        at = edits.last_at(tx, import_.number)
    if at is None:
        return None
    return lambda: undo.undo(visit.desk.store, import_.id, at, **by(visit))


def button(
    visit: Visit,
    import_: Import,
    key: str,
    label: str,
    do: Callable[[], int | None],
    done: Callable[[int], str],
    back: Callable[[], object] | None = None,
    *,
    widget: str,
    type: Literal["primary", "secondary"] = "secondary",
    help: str | None = None,
) -> None:
    """A click performs an act, which is confirmed under `key`. `widget` is the button's own key."""
    args = [visit, import_, key, do, done, back]
    st.button(label, key=widget, type=type, help=help, on_click=act, args=args)


def line(import_: Import, key: str) -> None:
    """What was done, with Undo."""
    sentence, back = of(import_).done[key]
    with st.container(horizontal=True, vertical_alignment="center", key=f"answer-{key}"):
        st.markdown(f":material/check: {look.safe(sentence)}", width="content")
        if back is not None:
            st.button("Undo", key=f"undo-{key}", type="tertiary", on_click=_undo, args=[import_, key, back])


def lines_of_values(import_: Import, cause: str) -> None:
    """What was done about single values of a cause, which are no longer in its list."""
    for key in list(of(import_).done):
        if key.startswith(f"{cause}-"):
            line(import_, key)


def _undo(import_: Import, key: str, back: Callable[[], object]) -> None:
    answers = of(import_)
    answers.problem = ""
    try:
        back()
    except (NotRepairable, NotAllowed) as problem:
        answers.problem = str(problem)
    else:
        table_state.forget(import_.id)
    answers.done.pop(key, None)


def show_problem(import_: Import) -> None:
    if problem := of(import_).problem:
        look.problem(problem)
