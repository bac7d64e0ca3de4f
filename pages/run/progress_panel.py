"""A running or finished import: its main sentence, rate, counts, events."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial

import streamlit as st

from blnk_api.reports.progress_figures import Curve, ProgressSnapshot, pulses
from blnk_api.store import events, rows
from blnk_api.store.events import Event
from blnk_api.store.imports import Import
from blnk_api.store.states import NEEDS_YOU, STATUSES, ImportState, RowState
from blnk_api.wording import (
    about_activity,
    about_findings,
    about_imports,
    about_progress,
    about_rows,
    phrases,
)
from pages.kit import auto_refresh, banner, look, person, stop_switch
from pages.kit.context import Visit
from pages.run import controls, fix_links, late_findings, summary, totals
from pages.run.rows import resolve

_EVENTS = 20
_ROUTINE = 200
_LEAST_CHARTED_SECONDS = 4.0


def show(visit: Visit, import_: Import) -> bool:
    """Refreshes while the import runs. The page is redrawn when its state changes. Returns whether it asks
    for a name."""
    every = visit.desk.settings.waits.page_refresh
    if not import_.is_over:
        # As it is known here, so that nothing older is shown.
        seen = pulses.read(visit.desk.store, import_.id, known=import_).import_
        auto_refresh.show(partial(_watch, visit, seen), every=every)
    elif about_progress.still_checked(import_):
        auto_refresh.show(partial(_watch_end, visit, import_), every=every)
    else:
        return _over(visit, import_)
    return bool(import_.counts.get(RowState.UNKNOWN))


def _watch(visit: Visit, seen: Import, redraw_page: Callable[[], None]) -> None:
    pulse = pulses.read(visit.desk.store, seen.id)
    if pulse.import_.state is not seen.state or stop_switch.has_changed(visit):
        redraw_page()
    _on_its_way(visit, pulse)


def _watch_end(visit: Visit, seen: Import, redraw_page: Callable[[], None]) -> None:
    """A canceled import whose rows are still being looked up: what is shown follows what is found."""
    now = visit.reload(seen.id) or seen
    if not about_progress.still_checked(now):
        redraw_page()
    _over(visit, now)


def _on_its_way(visit: Visit, pulse: ProgressSnapshot) -> None:
    import_ = pulse.import_
    st.set_page_config(page_title=about_progress.tab_title(import_))
    with st.container(horizontal=True, vertical_alignment="center"):
        look.state_badge(import_)
        st.markdown(f"**{about_imports.headline(import_)}**")
    if pulse.total:
        st.progress(pulse.settled / pulse.total)
    if import_.state in (ImportState.QUEUED, ImportState.RUNNING):
        _pace(visit, pulse)
    _counts(import_)
    banner.sending_here(visit, import_)
    if import_.state is ImportState.PAUSED:
        controls.show_pause(visit, import_)
    else:
        controls.show(visit, import_)
    resolve.show(visit, import_)
    _findings(visit, import_)
    _chart(pulse.curve)
    with st.container(gap=None, key="last-events"):
        _list_events(visit, pulse.events)


def _over(visit: Visit, import_: Import) -> bool:
    """Returns whether it asks for a name."""
    st.set_page_config(page_title=about_progress.tab_title(import_))
    summary.sentence(import_)
    look.state_badge(import_)
    asks_name = summary.needs(visit, import_)
    fix_links.fixed_in(visit, import_)
    resolve.show(visit, import_)
    _findings(visit, import_)
    late_findings.show(visit, import_)
    _counts(import_)
    totals.show(visit, import_)
    summary.what_next(visit, import_)
    return asks_name or bool(import_.waiting_for_person)


def _pace(visit: Visit, pulse: ProgressSnapshot) -> None:
    """How fast, how long still, and what limits it. The height does not depend on what is known yet."""
    with st.container(gap="xxsmall", key="pace"):
        if visit.stops:
            st.markdown("Sending is stopped")
            st.caption("The remaining rows are sent when someone starts sending again, under Connection.")
            return
        if about_progress.are_all_sent(pulse.import_):
            st.markdown("Checking the last rows in Blnk")
        else:
            st.markdown(about_progress.how_fast(pulse.rows_per_second, pulse.seconds_left))
        held_up = about_progress.held_up(pulse.import_)
        rate = pulse.rows_per_second
        why = about_progress.pace(pulse.learned, visit.connection, rate, pulse.at, held_up=held_up)
        st.caption(" ".join(why))


def _counts(import_: Import) -> None:
    with st.container(horizontal=True, key="counts"):
        for status, n in import_.statuses.items():
            if not n:
                continue
            state = STATUSES[status]
            means = about_rows.meaning(state, waits_for_person=status == NEEDS_YOU)
            label = f"{look.ROW_SIGNS[state]} {status}"
            st.metric(label, f"{n:,}", help=means, width="content", border=True)


_ROWS_OVER_TIME: dict[str, object] = {
    "mark": {"type": "area", "line": True, "opacity": 0.25, "interpolate": "monotone"},
    "encoding": {
        # In the reader's time zone; without a format, times would use a 12-hour clock.
        "x": {
            "field": "at",
            "type": "temporal",
            "axis": {"title": None, "tickCount": 5, "format": "%H:%M:%S"},
        },
        "y": {
            "field": "rows",
            "type": "quantitative",
            "stack": None,
            "axis": {"title": None, "tickCount": 3, "tickMinStep": 1, "format": ",d"},
        },
    },
}


def _chart(curve: Curve) -> None:
    if len(curve) < 2 or not curve[-1][1] or curve[-1][0] - curve[0][0] < _LEAST_CHARTED_SECONDS:
        return
    spec = {**_ROWS_OVER_TIME, "datasets": {"rows": _points(curve)}, "data": {"name": "rows"}}
    st.caption("Rows processed over time")
    st.vega_lite_chart(spec, height=130, alt=f"{curve[-1][1]:,} rows processed so far.", key="rows-over-time")


@lru_cache(maxsize=64)
def _points(curve: Curve) -> bytes:
    """In the browser's format, created once for everyone who watches."""
    # Imported here: see app.py.
    import pyarrow as pa

    # Rows finish in groups: the last figure at a given time counts.
    by_moment = {round(at * 1000): n for at, n in curve}
    moments = pa.array(list(by_moment), pa.timestamp("ms", "UTC"))
    table = pa.table({"at": moments, "rows": list(by_moment.values())})
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, table.schema) as stream:
        stream.write_table(table)
    written: bytes = out.getvalue().to_pybytes()
    return written


def _findings(visit: Visit, import_: Import) -> None:
    found = import_.findings
    if found is None:
        return
    for sentence in about_findings.findings(found):
        look.warning(sentence)
    with st.container(horizontal=True, vertical_alignment="center"):
        if found.checked and found.clean:
            st.caption(_verified(found.expected), width="content")
        if visit.connection is not None:
            resolve.verify_again(visit, import_)


def _verified(expected: int) -> str:
    return (
        "Verified: the balance is in Blnk."
        if expected == 1
        else f"Verified: all {expected:,} balances are in Blnk."
    )


def show_events(visit: Visit, import_: Import) -> None:
    """The events of the import, newest first."""
    key = f"events-{import_.id}"
    if import_.is_over:
        with st.expander("Activity", key=key):
            _events(visit, import_.number)
        return
    # While it is collapsed nothing is updated in it, which many watchers would pay for.
    box = st.expander("Activity", key=f"{key}-moving", on_change="rerun")
    if box.open:
        with box:
            every = visit.desk.settings.waits.page_refresh
            auto_refresh.show(lambda _: _events(visit, import_.number), every=every)


def _events(visit: Visit, number: int) -> None:
    with visit.desk.store.read() as tx:
        happened = events.of_import(tx, number, limit=_EVENTS, routine=False)
        summed_up = about_activity.summed_up(events.routine_of(tx, number))
    for sentence in summed_up:
        st.markdown(sentence)
    if summed_up and st.toggle("Show all checks and waits", key=f"routine-{number}"):
        with visit.desk.store.read() as tx:
            each = events.of_import(tx, number, limit=_ROUTINE, routine=True)
            rows_of = rows.labels_of(tx, [one.row for one in each if one.row is not None])
        with st.container(gap=None):
            _list_events(visit, each, rows_of)
            if len(each) == _ROUTINE:
                st.caption(f"The last {_ROUTINE:,} of them.")
        st.divider()
    with st.container(gap=None):
        _list_events(visit, happened)


def _list_events(visit: Visit, happened: Sequence[Event], labels: Mapping[int, str] | None = None) -> None:
    zone = phrases.zone(st.context.timezone)
    for one in happened:
        label = labels.get(one.row) if labels and one.row is not None else None
        row = f"Row {label} · " if label else ""
        by = f"{phrases.when(one.at, zone)} · {person.called(visit, one.who)}"
        line = f"{by} · {row}{about_activity.event(one)}"
        st.caption(look.safe(line))
