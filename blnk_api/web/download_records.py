"""Records who downloaded what: an event of the import, or of the desk for a list. Without sign-in the person
is unknown."""

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request

from blnk_api.access.actors import ActorKind
from blnk_api.desk.desk import Desk
from blnk_api.store import events
from blnk_api.store.events import EventKind, Particulars
from blnk_api.store.imports import Import
from blnk_api.store.people import desk_events
from blnk_api.store.people.desk_events import DeskEventKind
from blnk_api.web.responses import NotAvailable, asker


def record(desk: Desk, request: Request, file_name: str, import_: Import | None = None) -> None:
    """Called before the file is sent. Raises NotAvailable: a download that cannot be recorded does not
    happen."""
    who = asker(desk, request)
    if who.kind is not ActorKind.PERSON:
        return
    try:
        with desk.store.write() as tx:
            if import_ is None:
                desk_events.note(tx, who=who, what=DeskEventKind.DOWNLOADED, detail=file_name)
            else:
                detail = Particulars(label=file_name)
                events.note(tx, import_.number, who=who, what=EventKind.DOWNLOADED, detail=detail)
    except SQLAlchemyError:
        raise NotAvailable(
            503, "The database cannot be written at the moment, so nothing is downloaded. Try again."
        ) from None
