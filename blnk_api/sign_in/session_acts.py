"""What admins can see and do about other people's sessions."""

from blnk_api.access.actors import Actor
from blnk_api.access.acts import Act
from blnk_api.desk.desk import Desk
from blnk_api.sign_in import session_here
from blnk_api.sign_in_settings import SignIn
from blnk_api.store.people import desk_events, sessions
from blnk_api.store.people.desk_events import DeskEvent, DeskEventKind
from blnk_api.store.people.sessions import EndedHow, Session


def open_ones(desk: Desk, sign_in: SignIn, who: Actor) -> list[Session]:
    """Who is signed in now. Raises NotAllowed."""
    who.require(Act.SEE_SESSIONS, None)
    with desk.store.read() as tx:
        return sessions.open_ones(tx, session_here.lasts(sign_in))


def last(desk: Desk, who: Actor, *, limit: int) -> list[Session]:
    """The last sign-ins, newest first. Raises NotAllowed."""
    who.require(Act.SEE_SESSIONS, None)
    with desk.store.read() as tx:
        return sessions.last(tx, limit=limit)


def last_lists(desk: Desk, who: Actor, *, limit: int) -> list[DeskEvent]:
    """The last lists that people downloaded, newest first. Raises NotAllowed."""
    who.require(Act.SEE_SESSIONS, None)
    with desk.store.read() as tx:
        return desk_events.last(tx, DeskEventKind.DOWNLOADED, limit=limit)


def end(desk: Desk, who: Actor, session_id: int) -> bool:
    """Ends a session. Returns whether this call ended it. Raises NotAllowed."""
    who.require(Act.END_SESSION, None)
    with desk.store.write() as tx:
        return sessions.end(tx, session_id, EndedHow.BY_ADMIN, by=who)
