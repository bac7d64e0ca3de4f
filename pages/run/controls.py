"""What a person can do to an import on its way: pause, resume, cancel; each says what it means."""

import streamlit as st

from blnk_api.store import import_acts
from blnk_api.store.imports import Import
from blnk_api.store.states import ImportState, PausedBy, RowState
from blnk_api.wording import phrases
from pages.kit import look
from pages.kit.context import Visit

_MAY_CANCEL = (ImportState.QUEUED, ImportState.RUNNING, ImportState.PAUSED)


def show_pause(visit: Visit, import_: Import) -> None:
    """Why it is paused, and how it goes on."""
    look.warning(f"Paused: {import_.paused_reason or 'no reason was kept'}")
    match import_.paused_by:
        case PausedBy.BREAKER:
            st.write(
                "It resumes automatically as soon as Blnk answers again. You do not need to do anything."
            )
        case PausedBy.PERSON:
            st.write("It continues when someone resumes it.")
        case _:
            st.write("Nothing more is sent until someone reads this and resumes it.")
    show(visit, import_)


def show(visit: Visit, import_: Import) -> None:
    """The buttons that fit the import's state."""
    if import_.state not in _MAY_CANCEL:
        return
    asking = f"cancelling-{import_.id}"
    who = visit.who or "unnamed user"
    with st.container(horizontal=True):
        if import_.state is ImportState.PAUSED:
            if st.button("Resume", type="primary", help="Continues with the rows that were not sent."):
                _act(visit, import_acts.resume, import_.number, who=who)
        elif st.button("Pause", help="Stops sending more rows. Rows already being sent are completed."):
            reason = f"{phrases.actor(who)} paused it."
            _act(visit, import_acts.pause, import_.number, by=PausedBy.PERSON, who=who, reason=reason)
        if st.button("Cancel the rest…", help="Permanent: rows that were not sent are never sent."):
            st.session_state[asking] = True
    if import_.state is not ImportState.PAUSED:
        st.caption(
            "Pausing stops sending more rows; those already being sent are completed. Cancelling is "
            "permanent: rows that were not sent are never sent."
        )
    if st.session_state.get(asking):
        _confirm_cancel(visit, import_, asking, who)


def _confirm_cancel(visit: Visit, import_: Import, asking: str, who: str) -> None:
    unsent = import_.counts.get(RowState.READY, 0)
    with st.container(border=True):
        st.write(
            f"{phrases.plural(unsent, 'balance')} will not be sent. What was created stays: balances cannot "
            "be deleted. A cancelled import cannot be resumed; its rows can be imported again from a "
            "download."
        )
        with st.container(horizontal=True):
            if st.button("Cancel the rest", type="primary"):
                st.session_state.pop(asking)
                _act(visit, import_acts.cancel, import_.number, who=who)
            if st.button("Keep going"):
                st.session_state.pop(asking)
                st.rerun()


def _act(visit: Visit, act: object, number: int, **facts: object) -> None:
    with visit.desk.store.write() as tx:
        act(tx, number, **facts)  # type: ignore[operator]
    st.rerun()
