"""One row of an import: what was sent, each answer from Blnk, and what can be done about it."""

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from blnk_api.access.acts import Act
from blnk_api.drafts.fixes.source_rows import can_be_fixed
from blnk_api.store import events, rows
from blnk_api.store.imports import Import
from blnk_api.store.people import edits
from blnk_api.store.rows import StoredRow
from blnk_api.store.search import row_history
from blnk_api.store.states import ImportState, RowState
from blnk_api.wording import about_activity, about_imports, about_rows, phrases
from pages.balance import notes_panel
from pages.kit import auto_refresh, look, permission, person
from pages.kit.context import Visit
from pages.run import fix_links
from pages.run.rows import resend, resolve, row_link

_MOVING = (RowState.READY, RowState.SENDING, RowState.UNKNOWN)


def show(visit: Visit, import_: Import, label: str) -> None:
    st.button(
        f"All rows of {look.safe(about_imports.title(import_))}",
        icon=":material/arrow_back:",
        on_click=row_link.leave,
    )
    with visit.desk.store.read() as tx:
        found = row_history.rows_named(tx, import_.number, label)
    if not found:
        look.heading(f"Row {label}")
        look.warning("This import has no such row. Check that the whole link was copied.")
    elif len(found) > 1:
        look.heading(f"Row {found[0].number:,}")
        st.write("This row creates several balances. Choose one:")
        for row in found:
            sign = f"{look.ROW_SIGNS[row.state]} {row.status}"
            st.button(
                f"{row.label}: {sign}", key=f"part-{row.id}", on_click=row_link.point_at, args=[row.label]
            )
    else:
        _row(visit, import_, found[0])


def _row(visit: Visit, import_: Import, row: StoredRow) -> None:
    look.heading(f"Row {row.label}")
    means = about_rows.meaning(row.state, waits_for_person=row.waits_for_person)
    st.markdown(f"**{look.ROW_SIGNS[row.state]} {row.status}** · {means}")
    if not import_.is_over and row.state in _MOVING:
        auto_refresh.show(partial(_watch, visit, row), every=visit.desk.settings.waits.page_refresh)
    if import_.purged_at is not None:
        zone = phrases.zone(st.context.timezone)
        st.info(f"The data of this row was deleted on {phrases.when(import_.purged_at, zone)}.")
    if row.message and row.state is not RowState.UNKNOWN:
        look.fact("Message", row.message)
    for sentence in about_rows.about(row, import_.findings):
        look.warning(sentence)
    if row.balance_id:
        st.caption("Balance id")
        st.code(row.balance_id, language=None)
    _acts(visit, import_, row)
    _tables(visit, import_, row)
    if row.balance_id and row.state in (RowState.CREATED, RowState.EXISTS):
        notes_panel.on_balance(visit, import_.instance_number, row.balance_id)
    st.caption("Link to this row")
    st.code(look.link(visit.query(**{"import": import_.id}, **row_link.query(row.label))), language=None)


def _watch(visit: Visit, seen: StoredRow, redraw_page: Callable[[], None]) -> None:
    with visit.desk.store.read() as tx:
        now = rows.by_id(tx, seen.id)
    if (now.state, now.waits_for_person) != (seen.state, seen.waits_for_person):
        redraw_page()


def _acts(visit: Visit, import_: Import, row: StoredRow) -> None:
    """What a person can do about the row in its current state."""
    cancelled = import_.state is ImportState.CANCELLED
    match row.state:
        case RowState.UNKNOWN:
            with st.container(border=True, key="acts"):
                if row.waits_for_person and permission.may(visit, Act.RECHECK):
                    person.name_field(visit)
                resolve.about_row(visit, import_, row)
        case RowState.REFUSED if resend.is_possible(import_, row) and visit.connection is not None:
            with st.container(border=True, key="acts"):
                if permission.offered(visit, Act.FIX_ROWS):
                    resend.form(visit, import_, row)
        case RowState.INVALID if import_.is_over and can_be_fixed(row):
            with st.container(border=True, key="acts"):
                fix_links.offer(visit, import_, count=1, row=row)
        case RowState.SUPERSEDED:
            fix_links.row_is_fixed_in(visit, row)
        case RowState.EXISTS if row.body is not None and not cancelled and visit.connection is not None:
            if not permission.may(visit, Act.CREATE_AGAIN):
                return
            with st.expander("Create one more balance like it", key="acts"):
                person.name_field(visit)
                resolve.again_anyway(visit, import_, [row.id], key=str(row.id))


def _tables(visit: Visit, import_: Import, row: StoredRow) -> None:
    zone = phrases.zone(st.context.timezone)
    with visit.desk.store.read() as tx:
        tried = row_history.attempts_of(tx, row.id)
        changes = edits.of_records(tx, import_.number, [row.number])
        happened = events.of_row(tx, import_.number, row.id)
    if request_fields := about_rows.sent(row, import_):
        st.subheader("What was sent" if tried else "Request")
        _pairs("sent", request_fields)
    if tried:
        st.subheader("Attempts")
        with st.container(key="attempts"):
            st.dataframe(
                about_rows.attempts(tried, zone),
                hide_index=True,
                height="content",
                column_config={
                    "Attempt": st.column_config.TextColumn(width=70),
                    "Status": st.column_config.TextColumn(width=70),
                },
            )
        look.details(about_rows.support_details(tried))
    if import_.kind == "file" and row.cells:
        with st.expander("Current row data", key="as-in-file"):
            _pairs("cells", about_rows.as_in_file(row, import_))
    if happened or changes:
        st.subheader("Activity")
        happenings = [
            f"{phrases.exactly(one.at, zone)} · {person.called(visit, one.who)} · {about_activity.event(one)}"
            for one in happened
        ]
        with st.container(gap=None):
            for sentence in (*about_rows.changed(changes, import_, zone), *happenings):
                st.caption(look.safe(sentence))


def _pairs(key: str, pairs: Sequence[tuple[str, str]]) -> None:
    with st.container(key=f"pairs-{key}"):
        st.dataframe(
            {"Field": [name for name, _ in pairs], "Value": [value for _, value in pairs]},
            hide_index=True,
            height="content",
            column_config={"Field": st.column_config.TextColumn(width="medium")},
        )
