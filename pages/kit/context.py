"""What a page knows when it starts: the desk, the connection in its link, and the viewer."""

import secrets
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import urlencode, urlsplit

import streamlit as st

from blnk_api.access.actors import Actor
from blnk_api.access.acts import Act
from blnk_api.desk.desk import Desk, LinkProblem, connection_named, import_linked, open_desk
from blnk_api.errors import SettingsProblem
from blnk_api.settings import Connection, Instance
from blnk_api.sign_in import addresses, signed_in
from blnk_api.store import LaterVersion, StoreUnavailable, imports, instance_numbers
from blnk_api.store.imports import Import
from blnk_api.store.people import people
from blnk_api.store.sending import stops
from blnk_api.store.sending.senders import Sending, who_sends
from blnk_api.store.sending.stops import StopEvent
from blnk_api.web import middleware
from blnk_api.wording import about_stops, phrases
from blnk_api.worker import supervise
from pages.kit import look

_KEY = "visit"


@dataclass(frozen=True)
class Visit:
    desk: Desk
    connection: Connection | None
    """None only for an import whose instance has no connection now."""
    import_: Import | None
    """The import in the link."""
    browser: str
    who: Actor | None
    """The viewer: the signed-in person, or else the name entered in this browser, if any."""
    stops: tuple[StopEvent, ...] = ()
    """What keeps the instance from sending."""

    @property
    def instance(self) -> Instance | None:
        if self.import_ is not None:
            return self.import_.instance
        return self.connection.instance if self.connection else None

    def connected(self) -> Connection:
        """For pages that create something: they are not shown without a connection."""
        if self.connection is None:
            stop_with("This page needs a connection, and this link names none. Choose one first.")
        return self.connection

    def credentials(self) -> int:
        """Different for each connection and set of credentials, so that caches are never shared between
        them."""
        connection = self.connected()
        return hash((connection.name, connection.url, connection.instance, connection.credentials))

    def query(self, **more: str) -> dict[str, str]:
        """What every link contains."""
        return ({"connection": self.connection.name} if self.connection else {}) | more

    def sending(self) -> Sending:
        with self.desk.store.read() as tx:
            number = instance_numbers.known_number(tx, self.instance) if self.instance else None
            return who_sends(tx, number, owner=supervise.OWNER, started_at=supervise.STARTED_AT)

    def reload(self, id: str) -> Import | None:
        with self.desk.store.read() as tx:
            return imports.find(tx, id)


def begin() -> Visit:
    """Reads the link. Ends the page with a sentence if it cannot be followed."""
    try:
        desk = open_desk()
    except SettingsProblem as problem:
        st.title("Settings problem")
        stop_with(str(problem), "Fix the setting, then reload this page. Nothing was sent.")
    except LaterVersion:
        st.title("Balance Desk is being updated")
        st.info(
            "A newer version is already running, and this server has not been updated yet. Confirmed imports "
            "continue.",
            icon=":material/update:",
        )
        st.write("Reload this page in a minute. If it stays like this, tell whoever runs this server.")
        st.stop()
    except StoreUnavailable as problem:
        st.title("The database cannot be used")
        stop_with(str(problem), "Then reload this page.")
    signed_in_ = _signed_in(desk)
    named = st.query_params.get("connection") or st.session_state.get("connection")
    try:
        if id := st.query_params.get("import"):
            import_, connection = import_linked(desk, id, st.query_params.get("connection"))
        else:
            import_, connection = None, connection_named(desk.settings, named)
    except LinkProblem as problem:
        _offer_right_link(problem)
    if connection is None and import_ is None:
        _choose_connection(desk, signed_in_)
    if connection is not None:
        st.session_state["connection"] = connection.name
        # On each run, because a link within one page reaches the server without changing the address.
        st.query_params["connection"] = connection.name
    browser = middleware.browser_of(st.context.cookies.to_dict()) or _session_browser()
    with desk.store.read() as tx:
        name = None if signed_in_ else people.name_of(tx, browser)
        instance = import_.instance if import_ is not None else connection.instance if connection else None
        holding = tuple(stops.holding(tx, instance))
    who = signed_in_ or (signed_in.unverified(name) if name else None)
    visit = Visit(desk, connection, import_, browser, who, holding)
    st.session_state[_KEY] = visit
    return visit


def current() -> Visit:
    """The visit that the shell started."""
    visit: Visit = st.session_state[_KEY]
    return visit


def _signed_in(desk: Desk) -> Actor | None:
    """The person who signed in with this browser, if sign-in is required. Ends the page if nobody has."""
    if desk.settings.sign_in is None:
        return None
    who = signed_in.person(desk, desk.settings.sign_in, st.context.cookies.to_dict())
    if who is None:
        st.title("You are signed out")
        st.write(
            "Your session has ended: you signed out in another tab, it expired, or an admin ended it. "
            "Nothing has been done since then. Confirmed imports continue."
        )
        sign_in_again()
        st.stop()
    return who


def sign_in_again() -> None:
    """A link through sign-in and back to this page."""
    here = urlsplit(st.context.url or "/")
    query = urlencode(st.query_params.to_dict())
    look.go_to("Sign in again", addresses.sign_in_path(f"{here.path or '/'}?{query}" if query else here.path))


def is_signed_out() -> bool:
    """For parts that refresh automatically: whether the person has signed out elsewhere."""
    return signed_in.is_signed_out(current().desk.store, st.context.cookies.to_dict())


def stop_with(*sentences: str) -> NoReturn:
    look.problem(sentences[0])
    for sentence in sentences[1:]:
        st.write(sentence)
    st.stop()


def _session_browser() -> str:
    """Without a cookie, the name lasts as long as this visit."""
    browser: str = st.session_state.setdefault("browser", secrets.token_urlsafe(24))
    return browser


def _offer_right_link(problem: LinkProblem) -> NoReturn:
    st.title("This link cannot be opened")
    look.problem(str(problem))
    if problem.right_connection is not None:

        def correct(name: str) -> None:
            st.query_params["connection"] = name

        st.button(
            "Open the import with its own connection", on_click=correct, args=[problem.right_connection]
        )
    else:
        st.button("Choose a connection", on_click=forget_connection)
    st.stop()


def forget_connection() -> None:
    """Back to the choice of a connection, without what the link named. The search stays in its fields."""
    st.session_state.pop("connection", None)
    for name in ("connection", "import", "id"):
        st.query_params.pop(name, None)


def _choose_connection(desk: Desk, who: Actor | None) -> NoReturn:
    """Only connections whose imports they may see."""
    st.title("Choose a connection")
    offered = [
        one for one in desk.settings.connections.values() if who is None or who.may(Act.VIEW, one.instance)
    ]
    if not offered:
        stop_with("You have no role for any connection, so there is nothing to choose. Ask an admin for one.")
    st.write("There are several connections. Choose the one to work with.")
    with desk.store.read() as tx:
        holding = stops.holding(tx, None)
    for one in holding:
        look.problem(about_stops.in_force(one, desk.settings, phrases.zone(st.context.timezone)))
    for connection in offered:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            with st.container(gap=None):
                st.markdown(f"**{look.safe(connection.label)}** · {look.environment(connection.instance)}")
                st.caption(look.safe(look.address(connection)))
            if st.button("Use this connection", key=f"use-{connection.name}"):
                st.query_params["connection"] = connection.name
                st.rerun()
    st.stop()
