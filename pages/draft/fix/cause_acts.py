"""The acts for a cause: each changes all of its rows, or those with one value."""

import zlib
from functools import partial
from itertools import islice

import streamlit as st

from blnk_api.drafts import mapping_changes
from blnk_api.drafts.edits import by_cause, editing, file_choices, undo
from blnk_api.drafts.guide import causes, steps
from blnk_api.drafts.guide.causes import Act, Cause
from blnk_api.facts.mapping import Mapping, Use
from blnk_api.facts.totals import ProblemSummary
from blnk_api.store.imports import Import
from blnk_api.wording import about_causes, about_files, phrases
from pages.draft.fix import undo_lines, value_choice
from pages.kit import look, person
from pages.kit.context import Visit

_VALUES = 20
_ROWS = 100


def show(visit: Visit, import_: Import, cause: Cause) -> None:
    """A row of buttons. If the cells have different values, they are listed below, each with its own
    buttons."""
    acts = causes.acts_of(cause, import_.mapping)
    is_one = len(cause.groups) == 1
    with st.container(horizontal=True, vertical_alignment="center"):
        if is_one:
            _of_value(visit, import_, cause, cause.groups[0], acts, cause.key)
        elif Act.SUGGESTED in acts:
            _suggested(visit, import_, cause)
        if Act.CLEAR in acts:
            _clear(visit, import_, cause)
        if Act.AS_METADATA in acts:
            _as_metadata(visit, import_, cause)
        if Act.SKIP_HIDDEN in acts:
            _skip_hidden(visit, import_, cause)
        if Act.SKIP in acts:
            _skip(visit, import_, cause, f"Skip {phrases.plural(cause.rows, 'row')}")
        if Act.SKIP_REPEATS in acts:
            which = "the first" if len(cause.groups) == 1 else "the first of each"
            _skip(visit, import_, cause, f"Skip all but {which}")
        if cause.severity != "note":
            _rows(visit, import_, cause)
    if not is_one and Act.REPLACE in acts:
        _values(visit, import_, cause, acts)


def _values(visit: Visit, import_: Import, cause: Cause, acts: list[Act]) -> None:
    title = f"Show {phrases.plural(len(cause.groups), 'value')}"
    key = f"values-{cause.key}"
    box = st.expander(title, expanded=len(cause.groups) <= 5, key=key, on_change="rerun")
    if not box.open:
        return
    with box:
        for one in cause.groups[:_VALUES]:
            _one_value(visit, import_, cause, one, acts)
        if len(cause.groups) > _VALUES:
            st.caption(
                f"And {len(cause.groups) - _VALUES:,} more. They are shown once these are fixed or skipped."
            )


def _rows(visit: Visit, import_: Import, cause: Cause) -> None:
    """The first of its rows, in full. They are read when the list is opened."""
    title = f"Show {phrases.plural(cause.rows, 'row')}"
    box = st.popover(title, key=f"rows-of-cause-{cause.key}", on_change="rerun")
    if not box.open:
        return
    with visit.desk.store.read() as tx:
        found = [row for row, _ in islice(by_cause.rows_of(tx, import_, cause), _ROWS)]
    with box, st.container(key=f"cause-rows-{cause.key}"):
        st.dataframe(about_files.as_in_file(import_, found), hide_index=True)
        if cause.rows > len(found):
            st.caption(f"The first {len(found):,} are shown. The table below has all rows.")


def _one_value(visit: Visit, import_: Import, cause: Cause, one: ProblemSummary, acts: list[Act]) -> None:
    key = f"{cause.key}-{zlib.crc32((one.value or '').encode('utf-8', 'replace'))}"
    if key in undo_lines.of(import_).done and steps.is_being_checked(import_):
        return  # it was shown before, and a line below says what was done
    with st.container(horizontal=True, vertical_alignment="center", key=f"value-row-{key}"):
        with st.container(gap=None, width="stretch"):
            st.markdown(look.safe(one.message))
            count = "Row" if one.count == 1 else "Rows"
            st.caption(look.safe(f"{count} {about_files.row_labels(one.rows[:12], one.count)}"))
        _of_value(visit, import_, cause, one, acts, key)


def _of_value(
    visit: Visit, import_: Import, cause: Cause, one: ProblemSummary, acts: list[Act], key: str
) -> None:
    """The acts for the rows with one value."""
    rows = phrases.plural(one.count, "row")
    if one.repair is not None and (Act.SUGGESTED in acts or Act.ADD_MISSING in acts):
        label, done = f"Replace in {rows}", f"Replaced with “{one.repair}”"
        if cause.position is None:
            label, done = f"Add missing cells in {rows}", "Added the missing cells"
        if one.repair or cause.position is None:
            st.button(
                label,
                key=f"fix-{key}",
                type="primary" if one.severity == "error" and len(cause.groups) == 1 else "secondary",
                help=look.safe(f"Replaces the value with “{one.repair}”.") if one.repair else None,
                on_click=_fix,
                args=[visit, import_, one, key, one.repair, done],
            )
    if Act.REPLACE in acts:
        use = causes.use_of(cause, import_.mapping)
        column = about_files.problem_column(import_, cause.column, cause.position)
        with st.popover("Replace with…" if one.value else "Fill in…", key=f"change-{key}"):
            value_choice.choose(
                visit,
                import_,
                use,
                key,
                label=f"{look.label(column)} in {rows}",
                button=f"Replace in {rows}" if one.value else f"Fill in {rows}",
                put=lambda new: _fix(
                    visit, import_, one, key, new, f"{'Replaced with' if one.value else 'Filled in'} “{new}”"
                ),
            )
    if Act.KEEP_CURRENCY in acts and one.value:
        _keep_currency(visit, import_, one.value.strip(), key)


def _fix(visit: Visit, import_: Import, one: ProblemSummary, key: str, new: str, done: str) -> None:
    undo_lines.act(
        visit,
        import_,
        key,
        lambda: editing.fix_all(visit.desk.store, import_.id, one, repair=new, **undo_lines.by(visit)),
        lambda n: f"{done} in {phrases.plural(n, 'row')}.",
    )


def _keep_currency(visit: Visit, import_: Import, code: str, key: str) -> None:
    """Asks for confirmation: a balance in an unknown code cannot be deleted."""
    store, by = visit.desk.store, undo_lines.by(visit)
    with st.popover(f"Keep “{look.safe(code)}”…", key=f"keep-{key}"):
        st.markdown(
            f"“{look.safe(code)}” is not an ISO 4217 code. Keep it only if your organization uses it: a "
            "balance cannot be deleted, and its currency cannot be changed."
        )
        undo_lines.button(
            visit,
            import_,
            key,
            f"Keep “{look.safe(code)}” (custom currency)",
            lambda: file_choices.accept_currency(store, import_.id, code, **by),
            lambda _: f"“{code}” is kept as a custom currency in this file.",
            lambda: undo.withdraw_currency(store, import_.id, code, **by),
            widget=f"accept-{key}",
        )


def _suggested(visit: Visit, import_: Import, cause: Cause) -> None:
    rows = sum(one.count for one in cause.groups if one.repair)
    undo_lines.button(
        visit,
        import_,
        cause.key,
        f"Apply all suggestions in {phrases.plural(rows, 'row')}",
        partial(by_cause.put_suggested, visit.desk.store, import_.id, cause, **undo_lines.by(visit)),
        lambda n: f"Applied suggestions in {phrases.plural(n, 'row')}.",
        widget=f"suggested-{cause.key}",
        type="primary",
        help=look.safe(about_causes.suggestions(_suggestions(cause)), 2_000),
    )


def _suggestions(cause: Cause) -> list[tuple[str, str]]:
    return [(one.value or "", one.repair) for one in cause.groups if one.repair]


def _clear(visit: Visit, import_: Import, cause: Cause) -> None:
    is_customer = causes.use_of(cause, import_.mapping) is Use.IDENTITY
    undo_lines.button(
        visit,
        import_,
        cause.key,
        "Leave the identity empty" if is_customer else f"Clear {phrases.plural(cause.rows, 'cell')}",
        partial(by_cause.put, visit.desk.store, import_.id, cause, "", **undo_lines.by(visit)),
        lambda n: f"Cleared {phrases.plural(n, 'cell')}.",
        widget=f"clear-{cause.key}",
        help="The balances are created without an identity." if is_customer else None,
    )


def _as_metadata(visit: Visit, import_: Import, cause: Cause) -> None:
    """Affects the whole column, so it asks for confirmation."""
    mapping, at = import_.mapping, cause.position
    if mapping is None or at is None:
        return
    column = about_files.column(import_, at)
    with st.popover("Keep as metadata only…", key=f"metadata-{cause.key}"):
        st.markdown(
            f"The column {look.safe(column)} is then stored as metadata, and no balance in this file gets an "
            "identity from it."
        )
        undo_lines.button(
            visit,
            import_,
            cause.key,
            "Keep the column as metadata only",
            partial(_map, visit, import_, mapping_changes.with_use(mapping, at, Use.METADATA)),
            lambda _: f"The column {column} is kept as metadata only.",
            partial(_map, visit, import_, mapping),
            widget=f"as-metadata-{cause.key}",
        )


def _map(visit: Visit, import_: Import, mapping: Mapping) -> None:
    file_choices.match(visit.desk.store, import_.id, mapping, who=person.or_nobody(visit))


def _skip_hidden(visit: Visit, import_: Import, cause: Cause) -> None:
    store, who = visit.desk.store, person.or_nobody(visit)
    undo_lines.button(
        visit,
        import_,
        cause.key,
        f"Skip {phrases.plural(cause.rows, 'hidden row')}",
        lambda: file_choices.skip_hidden_rows(store, import_.id, True, who=who),
        lambda _: "The hidden rows are skipped.",
        lambda: file_choices.skip_hidden_rows(store, import_.id, False, who=who),
        widget=f"hidden-{cause.key}",
    )


def _skip(visit: Visit, import_: Import, cause: Cause, label: str) -> None:
    undo_lines.button(
        visit,
        import_,
        cause.key,
        label,
        partial(by_cause.skip, visit.desk.store, import_.id, cause, **undo_lines.by(visit)),
        lambda n: f"Skipped {phrases.plural(n, 'row')}.",
        widget=f"skip-{cause.key}",
    )
