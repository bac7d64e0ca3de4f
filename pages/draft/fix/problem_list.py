"""Problems, warnings and notes about a file, in groups with row numbers, and a fix for each group."""

import streamlit as st

from blnk_api.drafts.edits import editing
from blnk_api.facts.totals import ProblemSummary
from blnk_api.files.xlsx.cell_flaws import HIDDEN_ROW
from blnk_api.store.imports import Import
from blnk_api.wording import about_files, phrases
from pages.draft.fix import apply_edit
from pages.kit import look, person
from pages.kit.context import Visit

_SHOWN = 30

_SEVERITIES = ("error", "warning", "note")


def show_problems(visit: Visit, import_: Import) -> None:
    for severity in _SEVERITIES:
        group = [one for one in import_.totals.problems if one.severity == severity]
        if not group:
            continue
        title, key = _title(severity, len(group)), f"group-{import_.id}-{severity}"
        with st.expander(title, expanded=severity != "note", key=key):
            for at, one in enumerate(group[:_SHOWN]):
                _problem(visit, import_, one, f"{import_.id}-{import_.version}-{severity}-{at}")
            if len(group) > _SHOWN:
                st.caption(f"And {len(group) - _SHOWN:,} more. The download lists the problems of every row.")


def _title(severity: str, count: int) -> str:
    if severity == "error":
        return f"{phrases.plural(count, 'problem')} to fix"
    return phrases.plural(count, severity)


def _problem(visit: Visit, import_: Import, one: ProblemSummary, key: str) -> None:
    rows, count = one.rows, one.count
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.container(gap=None, width="stretch"):
            st.markdown(look.safe(one.message))
            if rows and rows != ("0",):
                column = f" · column {called}" if (called := _called(import_, one)) else ""
                st.caption(
                    look.safe(
                        f"{'Row' if count == 1 else 'Rows'} {about_files.row_labels(rows, count)}{column}"
                    )
                )
        _repair(visit, import_, one, count, key)


def _repair(visit: Visit, import_: Import, one: ProblemSummary, count: int, key: str) -> None:
    """The one click that settles the whole group, where there is one."""
    who = person.or_nobody(visit)
    if one.kind == "unknown_currency" and one.value:
        code = one.value.strip()
        label = f"Keep “{look.safe(code)}” (custom currency)"
        if st.button(label, key=f"accept-{key}", help="Accepts this code in the whole file."):
            apply_edit.apply(
                import_,
                lambda: editing.accept_currency(visit.desk.store, import_.id, code, who=who),
            )
    if one.kind == HIDDEN_ROW:
        label = f"Skip {phrases.plural(count, 'hidden row')}"
        if st.button(label, key=f"hidden-{key}"):
            apply_edit.apply(
                import_,
                lambda: editing.skip_hidden_rows(visit.desk.store, import_.id, True, who=who),
            )
    if one.severity == "error" and _called(import_, one) and one.value is not None:
        _put_in_all(visit, import_, one, count, key)
    if one.repair is not None and one.severity != "note":
        label = f"{_verb(import_, one)} in {phrases.plural(count, 'row')}"
        if st.button(label, key=f"fix-{key}", help=look.safe(_says(import_, one))):
            _fix(visit, import_, one, one.repair)


def _put_in_all(visit: Visit, import_: Import, one: ProblemSummary, count: int, key: str) -> None:
    """For what nobody but the person can know."""
    with st.popover("Replace with…", key=f"change-{key}"):
        where = phrases.plural(count, "row")
        new = st.text_input(f"{look.label(_called(import_, one))} in {where}", key=f"new-{key}")
        if st.button("Apply", key=f"put-{key}", disabled=not new):
            _fix(visit, import_, one, new)


def _fix(visit: Visit, import_: Import, one: ProblemSummary, repair: str) -> None:
    who = person.or_nobody(visit)

    def act() -> None:
        editing.fix_all(visit.desk.store, import_.id, one, repair=repair, who=who)

    apply_edit.apply(import_, act)


def _called(import_: Import, one: ProblemSummary) -> str:
    """The problem's column; "" for the whole row. A check of an earlier version kept the header alone."""
    return one.column if one.position is None else about_files.column(import_, one.position)


def _verb(import_: Import, one: ProblemSummary) -> str:
    if not _called(import_, one):
        return "Add missing cells"
    return "Replace" if one.repair else "Clear"


def _says(import_: Import, one: ProblemSummary) -> str:
    if not _called(import_, one):
        return "Treats the missing cells as empty."
    return f"Replaces the value with “{one.repair}”." if one.repair else "Clears the cell."
