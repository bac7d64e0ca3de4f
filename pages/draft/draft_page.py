"""A draft in four steps, of which one is open at a time."""

import streamlit as st

from blnk_api.access.actors import NotAllowed
from blnk_api.access.acts import Act
from blnk_api.drafts.guide.steps import Step
from blnk_api.store import import_acts
from blnk_api.store.imports import Import
from blnk_api.store.states import Stage
from blnk_api.wording import about_imports, phrases
from pages.approval import panel
from pages.draft import (
    bottom_bar,
    columns_step,
    confirm_step,
    edit_history,
    file_step,
    fix_step,
    read_only,
    steps_row,
)
from pages.draft.notices import same_file
from pages.kit import look, permission, person
from pages.kit.context import Visit
from pages.run import fix_links, progress_panel

_BODIES = {Step.FILE: file_step.show, Step.COLUMNS: columns_step.show, Step.FIX: fix_step.show}


def show(visit: Visit, import_: Import) -> None:
    look.heading(about_imports.title(import_))
    zone = phrases.zone(st.context.timezone)
    st.caption(
        look.safe(
            f"Uploaded by {person.called(visit, import_.who)} on {phrases.when(import_.created_at, zone)}. "
            "You can share this page with a colleague. Nothing is sent to Blnk until the import is confirmed."
        )
    )
    fix_links.source_of(visit, import_)
    same_file.show(visit, import_)
    panel.how_it_ended(visit, import_)
    if not permission.offered(visit, Act.CHANGE_DRAFT):
        read_only.show(visit, import_)
        edit_history.show(visit, import_)
        progress_panel.show_events(visit, import_)
        _discard(visit, import_)
        return
    now = steps_row.current(import_)
    steps_row.show(import_, now)
    confirmation = None
    with st.container(key=f"step-body-{now}"):
        if now is Step.CONFIRM:
            confirmation = confirm_step.show(visit, import_)
        else:
            _BODIES[now](visit, import_)
    st.divider()
    edit_history.show(visit, import_)
    progress_panel.show_events(visit, import_)
    _discard(visit, import_)
    if bottom_bar.show(visit, import_, now, confirmation):
        steps_row.leave()
        look.begin_at_the_top()
        st.rerun()
    look.scroll_if_it_begins()


def _discard(visit: Visit, import_: Import) -> None:
    if not permission.may(visit, Act.DISCARD):
        return
    is_lost = import_.stage is Stage.UNREADABLE
    if st.button("Import another file" if is_lost else "Discard draft", key=f"discard-{import_.id}"):
        try:
            with visit.desk.store.write() as tx:
                import_acts.cancel(tx, import_.number, who=person.or_nobody(visit))
        except NotAllowed as refused:
            look.problem(str(refused))
            return
        st.query_params.pop("import", None)
        steps_row.leave()
        st.rerun()
