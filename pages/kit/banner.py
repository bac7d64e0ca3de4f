"""The top of every page: which Blnk instance, what that means, and whether the sender is running."""

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
    if visit.desk.settings.sign_in is None and site().is_for_others:
        look.warning(
            "Anyone who can reach this server can create balances: it is open to the network and has "
            "no sign-in. Names shown here are not verified."
        )
    now = visit.sending()
    is_meant = visit.desk.settings.sender_elsewhere
    if now.is_ is SenderIs.ANOTHERS and not is_meant:
        st.info(
            f"Another process is the sender (process {now.pid} on {look.safe(now.host)}).",
            icon=":material/info:",
        )
    elif visit.import_ is None:
        _not_sending(now, is_meant)


def show_health_problem(visit: Visit) -> None:
    """The problem that the last health check found with this connection."""
    if visit.connection is None or (failed := startup_check.failed(visit.connection)) is None:
        return
    look.warning(f"This connection has a problem. {failed.question} {failed.answer}")
    st.page_link("connection.py", label="Show connection health", query_params=visit.query())


def _not_sending(now: Sending, runs_elsewhere: bool) -> None:
    if (failure := supervise.sender_failure()) is not None:
        look.problem(failure)
    elif now.is_ is SenderIs.GONE:
        look.warning(f"{_NOT_RUNNING} {_STARTS_NONE}" if runs_elsewhere else _NOT_RUNNING)


_NOT_RUNNING = (
    "The sender is not running, so nothing is sent at the moment. Imports that you confirm are kept, and "
    "start "
    "when it is back."
)


_STARTS_NONE = "This server does not start it, so tell whoever runs it."


@st.cache_data(ttl=1, max_entries=10, show_spinner=False)
def _sending(_visit: Visit, database_url: str, started_at: float) -> Sending:
    """Read once a second for everyone who is watching."""
    return _visit.sending()


def sending_here(visit: Visit, import_: Import) -> None:
    """What keeps this import from continuing, if anything; for a part that refreshes automatically."""
    now = _sending(visit, visit.desk.settings.database_url, supervise.STARTED_AT)
    _not_sending(now, visit.desk.settings.sender_elsewhere)
    if visit.connection is None:
        look.warning(
            f"This import belongs to {phrases.instance(import_.instance, None)}, and no connection points "
            "to it "
            "now. No more rows are sent until the secrets file has such a connection."
        )
    elif now.is_ is SenderIs.ANOTHERS and import_.instance_number not in now.serves:
        look.warning("The sender has no credentials for this connection, so this import waits.")
