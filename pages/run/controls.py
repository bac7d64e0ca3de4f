"""What a person can do with a running import: pause, resume, cancel; each with an explanation."""

import streamlit as st

from blnk_api.access.actors import Actor, NotAllowed
from blnk_api.access.acts import Act
from blnk_api.store import import_acts
from blnk_api.store.approvals import need
from blnk_api.store.imports import Import
from blnk_api.store.states import ImportState, PausedBy, RowState
from blnk_api.wording import about_imports, phrases
from pages.approval import panel
from pages.kit import look, permission, person
from pages.kit.context import Visit
from pages.run import browser_notice

_MAY_CANCEL = (ImportState.QUEUED, ImportState.RUNNING, ImportState.PAUSED)
_NO_ANSWER = "Blnk is not responding normally. It is checked again automatically."
_HELD, _ASKED = "held", "asked"
"""Whether an import that someone is about to cancel was paused for that, or before."""


def show_pause(visit: Visit, import_: Import) -> None:
    """Why nothing of it is sent at the moment, and how it continues."""
    if about_imports.waits_for_blnk(import_):
        st.info(
            look.safe(f"{import_.paused_reason or _NO_ANSWER} You do not need to do anything."),
            icon=":material/hourglass_top:",
        )
    else:
        look.warning(f"Paused: {_why(visit, import_)}")
        if need.lacks_one(import_):
            panel.ask_for_the_rest(visit, import_)
        elif import_.paused_by is not PausedBy.PERSON:
            st.write("Nothing more is sent until someone reads this and resumes the import.")
    show(visit, import_)


def show(visit: Visit, import_: Import) -> None:
    """The buttons that fit the import's state."""
    if import_.state not in _MAY_CANCEL:
        return
    is_paused = import_.state is ImportState.PAUSED and not about_imports.waits_for_blnk(import_)
    if not permission.offered(visit, Act.RESUME if is_paused else Act.PAUSE):
        return
    if st.session_state.get(_asking(import_)):
        _confirm_cancel(visit, import_)
        return
    who = person.or_nobody(visit)
    with st.container(horizontal=True):
        if need.lacks_one(import_):
            pass  # requesting approval is shown above, and is how it continues
        elif is_paused:
            if st.button("Resume", type="primary", help="Continues with the rows that were not sent."):
                _act(visit, import_acts.resume, import_.number, who=who)
        elif st.button("Pause", help="Stops sending more rows. Rows already being sent are completed."):
            reason = _paused(who)
            _act(visit, import_acts.pause, import_.number, by=PausedBy.PERSON, who=who, reason=reason)
        if permission.may(visit, Act.CANCEL) and st.button(
            "Cancel import…", help="Permanent: rows that were not sent are never sent."
        ):
            st.session_state[_asking(import_)] = _ASKED if is_paused else _HELD
            reason = _about_to_cancel(who)
            _act(visit, import_acts.pause, import_.number, by=PausedBy.PERSON, who=who, reason=reason)
        browser_notice.button(import_)
    if not is_paused:
        st.caption("Pausing stops sending more rows; those already being sent are completed.")
    if permission.offered(visit, Act.CANCEL) and not is_paused:
        st.caption("Canceling is permanent: rows that were not sent are never sent.")


def _confirm_cancel(visit: Visit, import_: Import) -> None:
    """Nothing more is sent while someone decides, so that the count in the question stays true."""
    unsent, on_its_way = import_.counts.get(RowState.READY, 0), import_.counts.get(RowState.SENDING, 0)
    who = person.or_nobody(visit)
    with st.container(border=True):
        rows = "1 row was" if unsent == 1 else f"{unsent:,} rows were"
        st.write(
            f"{rows} not sent yet. If you cancel, this import never sends "
            f"{'it' if unsent == 1 else 'them'}, and it cannot be resumed; the rows can be imported again "
            "from a download. Balances that were created stay: they cannot be deleted. Nothing is sent while "
            "you decide."
        )
        if on_its_way:
            st.caption(f"{phrases.plural(on_its_way, 'row')} on the way to Blnk will be completed first.")
        with st.container(horizontal=True):
            if st.button("Cancel import", type="primary"):
                st.session_state.pop(_asking(import_))
                _act(visit, import_acts.cancel, import_.number, who=who)
            if st.button("Keep import"):
                if st.session_state.pop(_asking(import_)) == _HELD:
                    only = PausedBy.PERSON
                    _act(visit, import_acts.resume, import_.number, who=who, only=only)
                st.rerun()


def _why(visit: Visit, import_: Import) -> str:
    """Why it is paused; what the viewer did without their name."""
    who, reason = visit.who, import_.paused_reason
    if who is not None and reason == _paused(who):
        return "you paused it."
    if who is not None and reason == _about_to_cancel(who):
        return "you are deciding whether to cancel it."
    return reason or "no reason was recorded"


def _paused(who: Actor) -> str:
    return f"{phrases.actor(who)} paused it."


def _about_to_cancel(who: Actor) -> str:
    return f"{phrases.actor(who)} is deciding whether to cancel it."


def _asking(import_: Import) -> str:
    return f"cancelling-{import_.id}"


def _act(visit: Visit, act: object, number: int, **facts: object) -> None:
    try:
        with visit.desk.store.write() as tx:
            act(tx, number, **facts)  # type: ignore[operator]
    except NotAllowed as refused:
        look.problem(str(refused))
    else:
        st.rerun()
