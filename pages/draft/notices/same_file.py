"""On a draft: whether exactly this file was imported before, by whom, and with which result."""

import streamlit as st

from blnk_api.access.actors import NotAllowed
from blnk_api.access.acts import Act
from blnk_api.drafts.edits.open_draft import NotRepairable
from blnk_api.review import repeat_fixes
from blnk_api.store.imports import Import
from blnk_api.store.states import BEING_CHECKED, RowState
from blnk_api.wording import phrases
from pages.kit import look, permission, person
from pages.kit.context import Visit


def show(visit: Visit, draft: Import) -> None:
    """Nothing for a new file."""
    with visit.desk.store.read() as tx:
        before = repeat_fixes.earlier(tx, draft)
        if before is None:
            return
        is_left = any(draft.counts.get(state) for state in (RowState.READY, RowState.INVALID))
        has_fixes = is_left and repeat_fixes.has_fixes(tx, before)
        created = repeat_fixes.created(tx, before)
    day = phrases.when(before.confirmed_at or before.created_at, phrases.zone(st.context.timezone))
    who = person.called(visit, before.confirmed_by or before.who)
    with st.container(border=True, key="same-file"):
        st.markdown(
            look.safe(
                f"This file was imported on {day} by {who}: {phrases.plural(created, 'balance')} created. "
                "Rows that already exist are not sent again."
            )
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            query = visit.query(**{"import": before.id})
            st.page_link("imports.py", label="Open that import", query_params=query)
            is_taken = draft.stage in BEING_CHECKED
            may_fix = permission.may(visit, Act.CHANGE_DRAFT)
            if has_fixes and may_fix and st.button("Import the rest with the same fixes", disabled=is_taken):
                try:
                    repeat_fixes.take_over(visit.desk.store, draft.id, who=person.or_nobody(visit))
                except (NotRepairable, NotAllowed) as why:
                    look.problem(str(why))
                else:
                    st.rerun()
