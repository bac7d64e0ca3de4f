"""A request for approval on a page: what was requested, and what the viewer can do about it."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from blnk_api.access.acts import Act
from blnk_api.drafts import drafts
from blnk_api.review import approving
from blnk_api.store.approvals import requests
from blnk_api.store.approvals.requests import OPEN, Request, RequestState
from blnk_api.store.imports import Import
from blnk_api.store.states import RowState
from blnk_api.wording import phrases
from blnk_api.wording.approval import requests as words
from pages.kit import auto_refresh, look, permission, person
from pages.kit.context import Visit
from pages.run.rows import resolve


def show(visit: Visit, import_: Import) -> None:
    """For an import that waits for approval. The page is redrawn once it no longer does."""
    with visit.desk.store.read() as tx:
        request = requests.last(tx, import_.number)
        why = approving.why_not(tx, import_, request, person.or_nobody(visit)) if request else ""
    if request is None:
        return
    auto_refresh.show(partial(_watch, visit, request), every=visit.desk.settings.waits.page_refresh)
    zone = phrases.zone(st.context.timezone)
    with st.container(border=True, key="approval"):
        st.subheader("Waiting for approval")
        st.write(look.safe(words.requested(request, zone)))
        st.write(look.safe(words.still_needed(request, zone)))
        look.fact("Digest of these balances", words.digest(request))
        st.caption("The same digest on another page or on a receipt means exactly these balances.")
        if permission.offered(visit, Act.APPROVE):
            _decide(visit, import_, request, why)
        if permission.may(visit, Act.WITHDRAW):
            _withdraw(visit, import_, request, "Withdraw request")


def _watch(visit: Visit, seen: Request, redraw_page: Callable[[], None]) -> None:
    with visit.desk.store.read() as tx:
        now = requests.last(tx, seen.import_)
    if now is None or (now.id, now.state, now.decisions) != (seen.id, seen.state, seen.decisions):
        redraw_page()


def _decide(visit: Visit, import_: Import, request: Request, why: str) -> None:
    if why:
        st.caption(look.safe(why))
        return
    store = visit.desk.store
    with st.container(horizontal=True, vertical_alignment="bottom"):
        typed = st.text_input(f"Type {request.rows:,} to approve", key=f"approve-count-{request.id}")
        pressed = st.button(
            f"Approve {phrases.plural(request.rows, 'balance')}", type="primary", key=f"approve-{request.id}"
        )
    resolve.creates(visit, import_)
    if pressed:
        resolve.by_name(
            visit, lambda who: approving.approve(store, import_, request.id, who=who, typed=typed or "")
        )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        reason = st.text_input("What has to change", key=f"reason-{request.id}", max_chars=words.MOST_REASON)
        pressed = st.button("Send back", key=f"send-back-{request.id}")
    if pressed:
        resolve.by_name(
            visit, lambda who: approving.send_back(store, import_, request.id, who=who, reason=reason or "")
        )


def _withdraw(visit: Visit, import_: Import, request: Request, label: str) -> None:
    if st.button(label, key=f"withdraw-{request.id}", help=words.WITHDRAW_MEANS):
        store = visit.desk.store
        resolve.by_name(visit, lambda who: approving.withdraw(store, import_, request.id, who=who))


def approved(visit: Visit, import_: Import) -> None:
    """Who approved an import that was handed over, and what they approved."""
    if not import_.needs_approval:
        return
    with visit.desk.store.read() as tx:
        found = [one for one in requests.of_import(tx, import_.number) if one.approved_by]
    zone = phrases.zone(st.context.timezone)
    for one in found:
        st.caption(look.safe(words.approved(one, zone), 2_000))
    holding = [one for one in found if one.state is RequestState.APPROVED]
    if holding and not import_.is_over and permission.may(visit, Act.WITHDRAW):
        _withdraw(visit, import_, holding[-1], "Withdraw approval")


def how_it_ended(visit: Visit, import_: Import) -> None:
    """Why a draft that waited for approval is a draft again."""
    if not import_.needs_approval:
        return
    with visit.desk.store.read() as tx:
        request = requests.last(tx, import_.number)
    if request is not None and request.state not in OPEN and (sentence := words.ended(request)):
        look.warning(f"{sentence} Nothing was sent.")


def ask_for_the_rest(visit: Visit, import_: Import) -> None:
    """Shown instead of the button that resumes a paused import."""
    left = import_.counts.get(RowState.READY, 0)
    if not permission.offered(visit, Act.CONFIRM):
        return
    label = f"Ask for approval of {phrases.plural(left, 'balance')}"
    if st.button(label, type="primary", key=f"ask-rest-{import_.id}"):
        desk = visit.desk
        resolve.by_name(
            visit, lambda who: drafts.ask_for_the_rest(desk.store, desk.settings, import_, who=who)
        )
