"""The audit trail in sentences: what happened at the desk, and what was tampered with."""

from datetime import UTC

import orjson

from blnk_api.store.events import Event
from blnk_api.store.people.desk_events import DeskEventKind
from blnk_api.store.trail.reading import TrailEntry
from blnk_api.store.trail.verify import EDITS, Break, Fault, Verified
from blnk_api.wording import about_activity, phrases

_NAMED = 5


def event(one: TrailEntry) -> str:
    """What happened, without who and when."""
    if one.edits is not None:
        return f"Recorded {phrases.plural(one.edits, 'edit')}, cell by cell."
    if one.import_id is not None:
        return about_activity.event(Event(one.at, one.who, one.what, one.row, one.detail))
    match one.what:
        case DeskEventKind.DOWNLOADED:
            return f"Downloaded “{one.detail}”."
        case DeskEventKind.SIGNED_IN:
            return f"Signed in with {one.detail}."
        case DeskEventKind.SIGNED_OUT:
            return "Signed out."
        case DeskEventKind.SESSION_REPLACED:
            return "Signed in again in the same browser: the earlier session ended."
        case DeskEventKind.SESSION_ENDED:
            return f"Ended the session of {one.detail}."
        case DeskEventKind.SESSIONS_ENDED:
            return "Ended all sessions, because a backup was restored or the desk was copied."
        case DeskEventKind.SENDING_STOPPED:
            return f"Stopped {_scope(one.detail)}"
        case DeskEventKind.SENDING_STARTED:
            return f"Started {_scope(one.detail)}"
        case DeskEventKind.SETTINGS_SEEN:
            return _settings(one.detail)
        case _:
            return f"{one.what.capitalize()}."


def _scope(detail: str) -> str:
    """The instance, followed by the reason. Empty for the whole desk."""
    if not detail:
        return "all sending."
    return f"sending to {detail}." if detail.startswith("http") else f"all sending. {detail}"


def _settings(detail: str) -> str:
    changed: list[str] = orjson.loads(detail)["changed"]
    if not changed:
        return "Read the settings for the first time."
    named = ", ".join(changed[:_NAMED])
    more = f" and {len(changed) - _NAMED:,} more" if len(changed) > _NAMED else ""
    return f"Settings changed: {named}{more}."


def broken(one: Break) -> str:
    """What does not match, and what that may mean."""
    whose = f"of import {one.import_id}" if one.import_id else "of the desk"
    if one.fault is Fault.APPROVAL:
        return (
            f"An approval {whose} is in the database, but the trail has no event of the people who gave it: "
            "it was written or changed by other means."
        )
    event = f"Event {one.n:,} {whose}" if one.n else f"An event {whose}"
    if one.at is not None:
        what = "edited cells" if one.what == EDITS else f"“{one.what}”"
        event += f" ({what}, {phrases.exactly(one.at, UTC)} UTC)"
    match one.fault:
        case Fault.CHANGED:
            return f"{event} was changed after it was written."
        case Fault.DELETED:
            return f"{event} was deleted." if one.n else "An import that has events was deleted."
        case Fault.ADDED:
            return f"{event} was added without a link to the event before it."
        case Fault.RECEIPT:
            return f"Receipt {one.receipt} {whose} was changed after it was written: see event {one.n:,}."
        case Fault.CUT_OFF:
            end = f"ends with event {one.n:,}" if one.n else "is empty"
            return f"The trail {whose} {end}, which is not its end: events or their links were deleted."


def whole(found: Verified) -> str:
    events, imports = phrases.plural(found.events, "event"), phrases.plural(found.imports, "import")
    return f"The trail is intact: {events} of {imports} and of the desk match their links."
