"""The top of every page: which Blnk, what that means, and whether anybody sends."""

import streamlit as st

from blnk_api.desk import startup_check
from blnk_api.store.imports import Import
from blnk_api.store.sending.senders import SenderIs, Sending
from blnk_api.wording import phrases
from blnk_api.worker import supervise
from pages.kit import look
from pages.kit.context import Visit
from pages.kit.server_names import site


def show(visit: Visit) -> None:
    instance = visit.instance
    if instance is None:
        return
    with st.container(key=f"banner-{instance.environment}", gap=None):
        means = phrases.ENVIRONMENT_MEANS[instance.environment]
        st.markdown(f"**{look.place(instance, visit.connection)}** · {means}")
    if site().is_for_others:
        look.warning(
            "Anyone who can reach this server can create balances: it is open to the network and has "
            "no sign-in. Names shown here are not verified."
        )
    now = visit.sending()
    if now.is_ is SenderIs.ANOTHERS:
        st.info(
            f"Sending is done by another process (process {now.pid} on {look.safe(now.host)}).",
            icon=":material/info:",
        )
    elif visit.import_ is None:
        _not_sending(now)


def not_well(visit: Visit) -> None:
    """What the check at the start, or the last one since, found wrong with this connection."""
    if visit.connection is None or (failed := startup_check.failed(visit.connection)) is None:
        return
    look.warning(f"This connection has a problem. {failed.question} {failed.told}")
    st.page_link("connection.py", label="Show connection health", query_params=visit.query())


def _not_sending(now: Sending) -> None:
    if (failure := supervise.sender_failure()) is not None:
        look.problem(failure)
    elif now.is_ is SenderIs.GONE:
        look.warning(_NOBODY_SENDS)


_NOBODY_SENDS = "Nothing is sending right now. What you start here is kept, and goes on when sending is back."


@st.cache_data(ttl=1, max_entries=10, show_spinner=False)
def _sending(_visit: Visit, database_url: str, started_at: float) -> Sending:
    """Asked once a second for all who watch."""
    return _visit.sending()


def sending_here(visit: Visit, import_: Import) -> None:
    """What keeps this import from going on, if anything does; for a place that moves by itself."""
    now = _sending(visit, visit.desk.settings.database_url, supervise.STARTED_AT)
    _not_sending(now)
    if visit.connection is None:
        look.warning(
            f"This import belongs to {phrases.instance(import_.instance, None)}, and no connection means "
            "that any more. Nothing more of it is sent until one does: see the secrets file."
        )
    elif now.is_ is SenderIs.ANOTHERS and import_.instance_number not in now.serves:
        look.warning("The process that sends has no credentials for this connection, so this import waits.")
