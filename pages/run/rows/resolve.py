"""Rows that only a person can settle: what happened to each, and the acts that are safe."""

from collections.abc import Callable

import streamlit as st

from blnk_api.access.actors import Actor, NotAllowed
from blnk_api.access.acts import Act
from blnk_api.drafts import drafts
from blnk_api.errors import BlnkError
from blnk_api.review import act_texts, actions
from blnk_api.review.act_texts import ActText
from blnk_api.review.actions import NotPossible
from blnk_api.store import rows
from blnk_api.store.imports import Import
from blnk_api.store.rows import StoredRow
from blnk_api.store.search import row_history
from blnk_api.store.states import ImportState, RowState
from blnk_api.wording import about_rows, phrases
from pages.kit import look, permission, person
from pages.kit.context import Visit
from pages.run.rows import row_link

_SHOWN = 10


def show(visit: Visit, import_: Import) -> None:
    """Nothing if nothing waits for a person."""
    if not import_.counts.get(RowState.UNKNOWN):
        return
    with visit.desk.store.read() as tx:
        waiting = rows.waiting_for_person(tx, import_.number, limit=_SHOWN)
    if not waiting:
        return
    count = import_.waiting_for_person
    with st.container(border=True, key=f"decide-{import_.id}"):
        st.subheader(f"{phrases.plural(count, 'row')} {'needs' if count == 1 else 'need'} your decision")
        is_offered = permission.offered(visit, Act.RECHECK)
        if is_offered:
            person.name_field(visit)
        if count > 1 and is_offered:
            label = f"Check Blnk again for all {count:,} rows"
            if st.button(label, key=f"look-{import_.id}", help=act_texts.RECHECK.means):
                by_name(visit, lambda who: actions.recheck(visit.desk.store, import_, who=who))
        for row in waiting:
            reason = look.safe(row.message or "no answer came back")
            with st.expander(f"Row {row.label}: {reason}", expanded=count == 1):
                if import_.kind == "file" and st.button(
                    "Open row", key=f"open-{row.id}", icon=":material/open_in_full:"
                ):
                    row_link.open_now(row.label)
                about_row(visit, import_, row)
        if count > _SHOWN:
            st.caption(f"{phrases.plural(count - _SHOWN, 'more row')} will appear when these are resolved.")


def about_row(visit: Visit, import_: Import, row: StoredRow) -> None:
    """What happened to a row in doubt, and what can be done. Does not ask for a name: see
    `person.name_field`."""
    with visit.desk.store.read() as tx:
        tried = row_history.attempts_of(tx, row.id)
    with st.container(gap="xxsmall"):
        for sentence in about_rows.in_doubt(row, tried, phrases.zone(st.context.timezone)):
            st.markdown(look.safe(sentence, 2_000))
        if summary := about_rows.in_short(row):
            st.text(summary)
    if not row.waits_for_person:
        return
    store = visit.desk.store
    if permission.may(visit, Act.RECHECK):
        _act(act_texts.RECHECK)
        if st.button(act_texts.RECHECK.label, key=f"look-row-{row.id}"):
            by_name(visit, lambda who: actions.recheck(store, import_, who=who, rows_=[row.id]))
    if not permission.offered(visit, Act.SEND_AGAIN):
        return
    _act(act_texts.LINK_BALANCE)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        balance_id = st.text_input("Balance id", key=f"this-id-{row.id}", placeholder="bln_…")
        pressed = st.button(act_texts.LINK_BALANCE.label, key=f"this-{row.id}")
    if pressed:
        by_name(visit, lambda who: _link(visit, row, balance_id, who))
    if import_.state is ImportState.CANCELLED:
        st.caption("This import was canceled, so no more rows are sent.")
        return
    _act(act_texts.SEND_AGAIN)
    st.caption(about_rows.WHY_TWO)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        typed = st.text_input(f"Type “{about_rows.SEND_AGAIN}” to confirm", key=f"sure-{row.id}")
        pressed = st.button(act_texts.SEND_AGAIN.label, key=f"again-{row.id}")
    creates(visit, import_)
    if pressed and not about_rows.confirms(typed):
        look.problem(f"Type “{about_rows.SEND_AGAIN}” first. Nothing was sent.")
    elif pressed:
        by_name(visit, lambda who: actions.send_again(store, row.id, who=who))


def again_anyway(visit: Visit, import_: Import, row_ids: list[int], *, key: str) -> None:
    """Rows whose balances existed, created again; the person types how many."""
    _act(act_texts.AGAIN_ANYWAY)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        typed = st.text_input(f"Type {len(row_ids):,} to confirm", key=f"again-count-{key}")
        pressed = st.button(act_texts.AGAIN_ANYWAY.label, key=f"again-anyway-{key}")
    creates(visit, import_)
    if pressed:
        n = drafts.count_typed(typed)
        store = visit.desk.store
        by_name(visit, lambda who: actions.again_anyway(store, import_, row_ids, typed_count=n, who=who))


def creates(visit: Visit, import_: Import) -> None:
    """Says where it would be created, next to each button that creates."""
    st.caption(f"In {look.place(import_.instance, visit.connection)}. A balance cannot be deleted.")


def by_name(visit: Visit, act: Callable[[Actor], object], *, then: Callable[[], object] = st.rerun) -> None:
    """Performs an act as the viewer and redraws the page, or shows why it cannot."""
    try:
        act(person.name(visit))
    except BlnkError as failed:
        look.blnk_problem(str(failed), failed)
    except (ValueError, NotPossible, NotAllowed) as problem:
        look.problem(str(problem))
    else:
        then()


def verify_again(visit: Visit, import_: Import) -> None:
    """The button, on a finished import."""
    act = act_texts.VERIFY_AGAIN
    if import_.state is not ImportState.DONE or not permission.may(visit, Act.VERIFY_AGAIN):
        return
    if st.button(act.label, key=f"verify-{import_.id}", help=act.means):
        actions.verify_again(visit.desk.store, import_, who=person.or_nobody(visit))
        st.rerun()


def _link(visit: Visit, row: StoredRow, balance_id: str, who: Actor) -> None:
    with visit.desk.client(visit.connected()) as client:
        actions.link_balance(visit.desk.store, client, row.id, balance_id, who=who)


def _act(act: ActText) -> None:
    st.markdown(f"**{act.label}**: {act.means} {act.risk}")
