"""One import on its way and afterwards: the sentence that matters, a bar, counts, what happened."""

import streamlit as st

from blnk_api import words
from blnk_api.imports.journal import imports
from blnk_api.imports.journal.imports import Import
from blnk_api.imports.journal.states import WORDS, ImportState, RowState
from pages.parts import banner, decide, import_controls, look
from pages.parts.visit import Visit

_EVENTS = 20


def show(visit: Visit, import_: Import) -> None:
    """Moves by itself while the import does; the page is drawn anew when its state changes."""
    if import_.is_over:
        _body(visit, import_)
    else:
        st.fragment(_watch, run_every=visit.desk.settings.waits.page_refresh)(
            visit, import_.id, import_.state
        )


def _watch(visit: Visit, id: str, state: ImportState) -> None:
    import_ = visit.reload(id)
    assert import_ is not None
    if import_.state is not state:
        st.rerun()
    _body(visit, import_)


def _body(visit: Visit, import_: Import) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        look.state_badge(import_.state)
        st.markdown(f"**{words.headline(import_)}**")
    settled, total = words.progress(import_)
    if total and not import_.is_over:
        st.progress(settled / total)
    _counts(import_)
    if not import_.is_over:
        banner.sending_here(visit, import_)
    if import_.state is ImportState.PAUSED:
        import_controls.show_pause(visit, import_)
    else:
        import_controls.show(visit, import_)
    decide.show(visit, import_)
    _findings(visit, import_)


def _counts(import_: Import) -> None:
    present = [state for state in WORDS if import_.counts.get(state)]
    with st.container(horizontal=True, key="counts"):
        for state in present:
            label = f"{look.ROW_SIGNS[state]} {WORDS[state]}"
            st.metric(
                label, f"{import_.counts[state]:,}", help=words.MEANING[state], width="content", border=True
            )
    if import_.is_over and import_.counts.get(RowState.REFUSED):
        st.write("Refused rows: download what was not created, put them right, and import that file.")


def _findings(visit: Visit, import_: Import) -> None:
    found = import_.findings
    if found is None:
        return
    for sentence in words.findings(found):
        look.warning(sentence)
    with st.container(horizontal=True, vertical_alignment="center"):
        if found.get("checked") and found.get("clean"):
            expected = words.plural(int(found.get("expected", 0)), "balance")
            st.caption(f"Verified: all {expected} found in Blnk.", width="content")
        if visit.connection is not None:
            decide.verify_again(visit, import_)


def show_events(visit: Visit, import_: Import) -> None:
    """What happened to the import, newest first."""
    every = None if import_.is_over else visit.desk.settings.waits.page_refresh
    with st.expander("What happened", expanded=False, key=f"events-{import_.id}"):
        st.fragment(_events, run_every=every)(visit, import_.number)


def _events(visit: Visit, number: int) -> None:
    zone = words.zone(st.context.timezone)
    with visit.desk.journal.read() as tx:
        happened = imports.events_of(tx, number, limit=_EVENTS)
    with st.container(gap=None):
        for one in happened:
            said = f"{words.when(one.at, zone)} · {words.actor(one.who)} · {words.event(one)}"
            st.caption(look.safe(said))
