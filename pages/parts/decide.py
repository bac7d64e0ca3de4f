"""Rows that only a person can settle: what happened to each, and the acts that are safe."""

import streamlit as st

from blnk_api import words
from blnk_api.errors import BlnkError
from blnk_api.imports import handling
from blnk_api.imports.handling import Act, NotPossible
from blnk_api.imports.journal import rows
from blnk_api.imports.journal.imports import Import
from blnk_api.imports.journal.rows import JournalRow
from blnk_api.imports.journal.states import ImportState, RowState
from pages.parts import look, person
from pages.parts.visit import Visit

_SHOWN = 10


def show(visit: Visit, import_: Import) -> None:
    """Nothing where nothing waits for a person."""
    if not import_.counts.get(RowState.UNKNOWN):
        return
    with visit.desk.journal.read() as tx:
        unknown = rows.page(tx, import_.number, states=[RowState.UNKNOWN], limit=500)
    waiting = [row for row in unknown if row.waits_for_person]
    if not waiting:
        return
    with st.container(border=True, key=f"decide-{import_.id}"):
        st.subheader(f"{words.plural(len(waiting), 'row')} for you to decide")
        person.name_field(visit)
        if _button(handling.LOOK_AGAIN, f"look-{import_.id}") and (who := _name(visit)):
            handling.look_again(visit.desk.journal, import_, who=who)
            st.rerun()
        for row in waiting[:_SHOWN]:
            _row(visit, row)
        if len(waiting) > _SHOWN:
            st.caption(f"{len(waiting) - _SHOWN:,} more come when these are settled.")


def _row(visit: Visit, row: JournalRow) -> None:
    with st.expander(f"Row {row.label}: {look.safe(row.message or 'no answer came back')}"):
        _attempts(visit, row)
        st.text(" · ".join(filter(None, row.cells)))
        st.markdown(f"**{handling.THIS_IS_IT.label}**: {handling.THIS_IS_IT.means}")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            balance_id = st.text_input("Balance id", key=f"this-id-{row.id}", placeholder="bln_…")
            pressed = st.button(handling.THIS_IS_IT.label, key=f"this-{row.id}")
        if pressed and (who := _name(visit)):
            _this_is_it(visit, row, balance_id, who)
        st.markdown(f"**{handling.SEND_AGAIN.label}**: {handling.SEND_AGAIN.means}")
        sure = st.checkbox(handling.SEND_AGAIN.risk, key=f"sure-{row.id}")
        pressed = st.button(handling.SEND_AGAIN.label, key=f"again-{row.id}", disabled=not sure)
        if pressed and (who := _name(visit)):
            _send_again(visit, row, who)


def _attempts(visit: Visit, row: JournalRow) -> None:
    zone = words.zone(st.context.timezone)
    with visit.desk.journal.read() as tx:
        tried = rows.attempts_of(tx, row.id)
    for one in tried:
        said = f"Sent {words.when(one.started_at, zone)}: {one.message or one.outcome or 'no answer yet'}"
        st.caption(look.safe(said))


def verify_again(visit: Visit, import_: Import) -> None:
    """The button, on a finished import."""
    if import_.state is ImportState.DONE and _button(handling.VERIFY_AGAIN, f"verify-{import_.id}"):
        handling.verify_again(visit.desk.journal, import_, who=visit.who or "somebody without a name")
        st.rerun()


def _send_again(visit: Visit, row: JournalRow, who: str) -> None:
    try:
        handling.send_again(visit.desk.journal, row.id, who=who)
    except NotPossible as problem:
        look.problem(str(problem))
    else:
        st.rerun()


def _this_is_it(visit: Visit, row: JournalRow, balance_id: str, who: str) -> None:
    try:
        with visit.desk.client(visit.connected()) as client:
            handling.this_is_it(visit.desk.journal, client, row.id, balance_id, who=who)
    except (NotPossible, BlnkError) as problem:
        look.problem(str(problem))
    else:
        st.rerun()


def _name(visit: Visit) -> str | None:
    try:
        return person.name(visit)
    except ValueError as no_name:
        look.problem(str(no_name))
        return None


def _button(act: Act, key: str) -> bool:
    return st.button(act.label, key=key, help=" ".join(filter(None, (act.means, act.risk))))
