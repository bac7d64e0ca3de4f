"""Problems of a file's rows by cause, each with acts for all of its rows at once."""

from collections.abc import Callable, Sequence

import streamlit as st

from blnk_api.drafts.guide import causes, steps
from blnk_api.drafts.guide.causes import Cause
from blnk_api.facts.totals import ProblemSummary
from blnk_api.store.imports import Import
from blnk_api.wording import about_causes, about_files, phrases
from pages.draft.fix import cause_acts, undo_lines
from pages.kit import look
from pages.kit.context import Visit

_SHOWN = 30
_LABELS = 12


def show(visit: Visit, import_: Import) -> None:
    """Each cause stays in its place. Once something was done about it, a line says what."""
    found = {one.key: one for one in causes.causes_of(import_.totals.problems)}
    kept = undo_lines.of(import_)
    kept.order += [key for key in found if key not in kept.order]
    undo_lines.show_problem(import_)
    shown = 0
    for key in kept.order:
        cause = found.get(key)
        if key in kept.done:
            undo_lines.line(import_, key)
            if steps.is_being_checked(import_):
                continue  # it was shown before the change
        if cause is not None and cause.severity != "note" and shown < _SHOWN:
            _card(visit, import_, cause)
            shown += 1
        else:
            undo_lines.lines_of_values(import_, key)
    _notes(visit, import_, [one for one in found.values() if one.severity == "note"])


def _card(visit: Visit, import_: Import, cause: Cause) -> None:
    with st.container(border=True, key=f"cause-{cause.key}"):
        with st.container(gap=None):
            icon = ":red[:material/error:]" if cause.severity == "error" else ":orange[:material/warning:]"
            st.markdown(f"{icon} **{look.safe(_title(cause))}**")
            st.caption(look.safe(where(import_, cause)))
        cause_acts.show(visit, import_, cause)
        undo_lines.lines_of_values(import_, cause.key)


def _title(cause: Cause) -> str:
    first = cause.groups[0]
    return about_causes.title(
        cause.kind, first.message, values=cause.values, groups=len(cause.groups), rows=cause.rows
    )


def where(import_: Import, cause: Cause) -> str:
    """ "Rows 8, 20, 32 and 44 · column ledger" """
    labels = about_files.row_labels(cause.labels[:_LABELS], cause.rows)
    column = (
        f" · column {called}"
        if (called := about_files.problem_column(import_, cause.column, cause.position))
        else ""
    )
    return f"{'Row' if cause.rows == 1 else 'Rows'} {labels}{column}"


def _notes(visit: Visit, import_: Import, found: Sequence[Cause]) -> None:
    """What happens automatically, and what is only worth knowing. Collapsed by default."""
    if not found:
        return
    with st.expander(phrases.plural(len(found), "note"), key=f"notes-{import_.id}"):
        for cause in found:
            with st.container(gap=None):
                st.markdown(look.safe(_title(cause)))
                st.caption(look.safe(where(import_, cause)))
            cause_acts.show(visit, import_, cause)


def about_the_file(import_: Import) -> None:
    """What the check found about the file as a whole."""
    _list_problems(import_, lambda one: not _is_of_column(one))


def about_columns(import_: Import) -> None:
    """What the check found about columns, regardless of their rows."""
    _list_problems(import_, _is_of_column)


def warnings(import_: Import) -> None:
    """Everything that a person should know before confirming, with the number of rows."""
    found = [one for one in import_.totals.problems if one.severity == "warning"]
    if not found:
        return
    with st.container(border=True, gap="xxsmall", key="warnings"):
        st.markdown(f"**{phrases.plural(len(found), 'warning')}**")
        for one in found[:_SHOWN]:
            st.markdown(look.safe(one.sentence or one.message))
        if len(found) > _SHOWN:
            st.caption(f"And {len(found) - _SHOWN:,} more.")


def _is_of_column(one: ProblemSummary) -> bool:
    return one.position is not None or one.kind == "nameless_column"


def _list_problems(import_: Import, is_listed: Callable[[ProblemSummary], bool]) -> None:
    for one in import_.totals.problems:
        if one.rows == ("0",) and is_listed(one):
            if one.severity == "note":
                st.caption(look.safe(one.message))
            else:
                look.warning(one.message)
