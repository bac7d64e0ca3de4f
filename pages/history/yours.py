"""What waits for the viewer: their drafts, their running imports, rows that need them."""

import streamlit as st

from blnk_api.access.actors import Actor
from blnk_api.access.acts import Act
from blnk_api.drafts.guide import own_imports
from blnk_api.drafts.guide.own_imports import OwnImports
from blnk_api.review import waiting_for_approval
from blnk_api.store import instance_numbers
from blnk_api.store.imports import Import
from blnk_api.store.search import import_search
from blnk_api.store.search.import_search import Search
from blnk_api.wording import about_imports, phrases
from pages.kit import look
from pages.kit.context import Visit

_LOOKED_AT = 50
_SHOWN = 5


def show(visit: Visit) -> None:
    """For this connection. Nothing if the viewer has no name, or nothing waits."""
    if visit.who is None:
        return
    found = _found(visit, visit.who)
    for title, those in (
        ("Waiting for me", _to_approve(visit, visit.who)),
        ("Drafts to finish", found.drafts),
        ("Running", found.running),
        ("Needs you", found.needing),
    ):
        if those:
            st.subheader(title)
            with st.container(border=True, key=f"yours-{title.partition(' ')[0].lower()}", gap="xxsmall"):
                for import_ in those[:_SHOWN]:
                    _line(visit, import_)
            if len(those) > _SHOWN:
                st.page_link(
                    "imports.py", label=f"All {len(those):,} under Imports", query_params=visit.query()
                )


def _found(visit: Visit, who: Actor) -> OwnImports:
    with visit.desk.store.read() as tx:
        instance = instance_numbers.known_number(tx, visit.connected().instance)
        if instance is None:
            return OwnImports()
        newest = import_search.search(
            tx, Search(who=who.email or who.name, instance=instance), limit=_LOOKED_AT
        )
    return own_imports.of(newest, who, needs=lambda one: bool(about_imports.needs_someone(one)))


def _to_approve(visit: Visit, who: Actor) -> list[Import]:
    """What this person may approve: they have the role, and took no part in preparing it."""
    instance = visit.connected().instance
    if not who.may(Act.APPROVE, instance):
        return []
    with visit.desk.store.read() as tx:
        return waiting_for_approval.whom(tx, instance, who)


def _line(visit: Visit, import_: Import) -> None:
    page = "create_balance.py" if import_.kind == "form" else "import_file.py"
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.container(gap=None, width="stretch"):
            query = visit.query(**{"import": import_.id})
            st.page_link(page, label=look.safe(about_imports.title(import_)), query_params=query)
            st.caption(look.safe(about_imports.in_list(import_)))
        zone = phrases.zone(st.context.timezone)
        st.caption(phrases.when(import_.created_at, zone), width="content")
