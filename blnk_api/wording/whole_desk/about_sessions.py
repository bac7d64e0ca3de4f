"""Who is signed in, how sessions ended, and which lists people downloaded."""

from datetime import tzinfo

from blnk_api.sign_in_settings import SignIn
from blnk_api.store.people.desk_events import DeskEvent
from blnk_api.store.people.sessions import EndedHow, Identity, Session
from blnk_api.wording import phrases


def called(who: Identity) -> str:
    """ "Ada Lovelace (ada@acme.example)": the address only if it is verified."""
    email = who.email if who.email_verified else ""
    if not who.name:
        return email or who.subject
    return f"{who.name} ({email})" if email and email != who.name else who.name


def used(session: Session, sign_in: SignIn, zone: tzinfo) -> str:
    return (
        f"Signed in with {_provider(session, sign_in)} on {phrases.when(session.begun_at, zone)} · "
        f"last used on {phrases.when(session.seen_at, zone)}"
    )


def _provider(session: Session, sign_in: SignIn) -> str:
    known = sign_in.providers.get(session.provider)
    return known.label if known else session.provider


def downloaded(one: DeskEvent, zone: tzinfo) -> str:
    return f"{phrases.when(one.at, zone)} · {phrases.actor(one.who)} downloaded “{one.detail}”."


def history(session: Session, sign_in: SignIn, zone: tzinfo) -> str:
    """One line about a sign-in and how the session ended."""
    who = f"{called(session.who)} signed in with {_provider(session, sign_in)}"
    begun = f"{phrases.when(session.begun_at, zone)} · {who}"
    if session.ended_at is None:
        return f"{begun}."
    at = phrases.when(session.ended_at, zone)
    match session.ended_how:
        case EndedHow.BY_ADMIN:
            return f"{begun}. {session.ended_by} ended the session on {at}."
        case EndedHow.RESTORED:
            return f"{begun}. The session ended on {at}, when a backup was restored."
        case EndedHow.REPLACED:
            return f"{begun}, and again in the same browser on {at}."
        case _:
            return f"{begun}, and out on {at}."
