"""The session of a browser, as the database has it now."""

import time
from collections.abc import Mapping
from contextlib import suppress

from sqlalchemy.exc import SQLAlchemyError

from blnk_api.desk.desk import open_store
from blnk_api.settings import Settings
from blnk_api.sign_in import cookies as cookies_
from blnk_api.sign_in_settings import SignIn
from blnk_api.store import Store
from blnk_api.store.people import sessions
from blnk_api.store.people.sessions import EndedHow, Identity, Lasts, Session


def lasts(sign_in: SignIn) -> Lasts:
    return Lasts(sign_in.longest_seconds, sign_in.idle_seconds)


def find(store: Store, sign_in: SignIn, cookies: Mapping[str, str]) -> Session | None:
    """None if there is no session, or it is over."""
    value = cookies_.session_of(sign_in, cookies)
    if value is None:
        return None
    with store.read() as tx:
        return sessions.find(tx, value, lasts(sign_in))


def was_here(store: Store, sign_in: SignIn, cookies: Mapping[str, str]) -> bool:
    """Whether someone signed in with this browser, even if the session is over."""
    known = cookies_.sessions_known(sign_in, cookies)
    with store.read() as tx:
        return any(sessions.is_known(tx, value) for value in known)


def use(store: Store, sign_in: SignIn, session: Session) -> None:
    """Records that someone used it, which no page does by itself."""
    if time.time() - session.seen_at > lasts(sign_in).seen_every:
        # A database that cannot be written now does not keep anyone from reading.
        with suppress(SQLAlchemyError), store.write() as tx:
            sessions.seen(tx, session)


def begin(
    settings: Settings, sign_in: SignIn, provider: str, who: Identity, cookies: Mapping[str, str]
) -> str:
    """Starts a new session, replacing this browser's previous one. Returns its cookie value."""
    store = open_store(settings)
    value, before = cookies_.new_session(), find(store, sign_in, cookies)
    with store.write() as tx:
        if before is not None:
            sessions.end(tx, before.id, EndedHow.REPLACED)
        sessions.begin(tx, value, provider, who)
    return value
