"""Rows of a draft that are skipped, or could be: groups that a person includes or skips."""

from collections.abc import Callable

import streamlit as st

from blnk_api.drafts import confirmed_totals
from blnk_api.drafts.edits import file_choices, skipping
from blnk_api.drafts.lookalikes import customer_has_balance, near_duplicates
from blnk_api.drafts.writing import merging
from blnk_api.store.imports import Import
from blnk_api.store.search import row_reasons
from blnk_api.store.states import RowState
from blnk_api.wording import phrases
from pages.draft.fix import undo_lines
from pages.kit import look, person
from pages.kit.context import Visit

_SHOWN = 100


def show(visit: Visit, import_: Import) -> None:
    _by_hand(visit, import_)
    _hidden(visit, import_)
    _with_a_balance(visit, import_)
    _resembling(visit, import_)


def _by_hand(visit: Visit, import_: Import) -> None:
    n, store = import_.totals.left_out, visit.desk.store
    _group(
        visit,
        import_,
        "by-hand",
        f"{phrases.plural(n, 'row')} skipped by hand. Skipped rows are not sent." if n else "",
        "Include skipped rows",
        lambda: skipping.take_in(store, import_.id, None, **undo_lines.by(visit)),
        lambda changed: f"Included {phrases.plural(changed, 'row')}.",
    )
    if n:
        _which(visit, import_, RowState.LEFT_OUT, merging.LEFT_OUT_BY_A_PERSON)


def _hidden(visit: Visit, import_: Import) -> None:
    n, store, who = import_.totals.hidden_rows, visit.desk.store, person.or_nobody(visit)
    _group(
        visit,
        import_,
        "hidden",
        f"{phrases.plural(n, 'hidden row')} skipped. Skipped rows are not sent." if n else "",
        "Include hidden rows",
        lambda: file_choices.skip_hidden_rows(store, import_.id, False, who=who),
        lambda _: "The hidden rows are included.",
        lambda: file_choices.skip_hidden_rows(store, import_.id, True, who=who),
    )
    if n:
        _which(visit, import_, RowState.LEFT_OUT, merging.HIDDEN_AND_SKIPPED)


def _with_a_balance(visit: Visit, import_: Import) -> None:
    """A second balance for a customer may be intended or not: only a person knows."""
    n, store = import_.totals.has_balance, visit.desk.store
    situation = (
        f"{phrases.plural(n, 'row')} would give an identity a second balance in the same ledger and "
        "currency. They will be created unless you skip them."
    )
    _group(
        visit,
        import_,
        "with-a-balance",
        situation if n else "",
        f"Skip {'this row' if n == 1 else f'these {n:,} rows'}",
        lambda: skipping.leave_out_those_with_a_balance(store, import_.id, **undo_lines.by(visit)),
        lambda changed: f"Skipped {phrases.plural(changed, 'row')}.",
        is_warning=True,
    )
    if n:
        _which(visit, import_, RowState.READY, customer_has_balance.KIND)


def _group(
    visit: Visit,
    import_: Import,
    key: str,
    situation: str,
    label: str,
    do: Callable[[], int | None],
    done: Callable[[int], str],
    back: Callable[[], object] | None = None,
    *,
    is_warning: bool = False,
) -> None:
    """The situation, and a button that changes it. After a click, what was done."""
    if key in undo_lines.of(import_).done:
        undo_lines.line(import_, key)
        return
    if not situation:
        return
    with st.container(horizontal=True, vertical_alignment="center", key=f"group-{key}"):
        if is_warning:
            look.warning(situation)
        else:
            st.markdown(situation, width="content")
        undo_lines.button(visit, import_, key, label, do, done, back, widget=f"{key}-{import_.id}")


def _resembling(visit: Visit, import_: Import) -> None:
    """Rows that are most likely corrections of existing balances: a person says whether they are new."""
    n = import_.totals.looks_like
    if not n:
        return
    look.warning(
        f"{phrases.plural(n, 'row')} skipped: each looks like a correction of a balance that was created "
        "here earlier. Importing the row again cannot change that balance; it would create another one."
    )
    _which(visit, import_, RowState.LEFT_OUT, near_duplicates.KIND)
    person.name_field(visit)
    st.button("Create these balances too", on_click=_create_too, args=[visit, import_])


def _create_too(visit: Visit, import_: Import) -> None:
    try:
        who = person.name(visit)
    except ValueError as no_name:
        undo_lines.of(import_).problem = str(no_name)
        return
    with visit.desk.store.write() as tx:
        confirmed_totals.create_resembling_too(tx, import_, who=who)


def _which(visit: Visit, import_: Import, state: RowState, why: str) -> None:
    with st.expander("Affected rows", key=f"which-{import_.id}-{why}"):
        with visit.desk.store.read() as tx:
            found = row_reasons.first_with(tx, import_.number, state, why, limit=_SHOWN)
        st.dataframe(
            {"Row": [row.label for row in found], "Reason": [row.message or "" for row in found]},
            hide_index=True,
        )
