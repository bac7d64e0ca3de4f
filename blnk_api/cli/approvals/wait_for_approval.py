"""Approval on the command line: it requests approval and says where to give it, but never gives it."""

from urllib.parse import urlencode

from blnk_api.cli.exit_codes import CommandFailed
from blnk_api.cli.output import say
from blnk_api.cli.session import Session
from blnk_api.drafts import drafts
from blnk_api.drafts.drafts import NotConfirmed
from blnk_api.store.approvals import need, requests
from blnk_api.store.imports import Import
from blnk_api.store.states import ImportState
from blnk_api.wording.approval import requests as words


def asks_or_waits(opened: Session, import_: Import) -> bool:
    """Like `waits`. If an import is paused because its remaining rows lack approval, requests approval first.
    Raises CommandFailed."""
    if need.lacks_one(import_):
        say(f"Paused: {import_.paused_reason}")
        try:
            drafts.ask_for_the_rest(opened.store, opened.settings, import_, who=opened.who)
        except NotConfirmed as problem:
            raise CommandFailed(str(problem)) from None
        import_ = opened.find(import_.id)
    return waits(opened, import_)


def waits(opened: Session, import_: Import) -> bool:
    """Returns whether it waits for approval, and prints a link if so."""
    if import_.state is not ImportState.WAITING:
        return False
    with opened.store.read() as tx:
        request = requests.last(tx, import_.number)
    say(words.waits(import_.id, request, link(opened, import_)))
    return True


def link(opened: Session, import_: Import) -> str:
    """A link to the page where it can be approved, or, if the address is unknown, where to find that page."""
    settings = opened.settings
    base = settings.public_url or (settings.sign_in.url if settings.sign_in else None)
    connection = settings.connection_of(import_.instance)
    page = "create_balance" if import_.kind == "form" else "imports"
    query = {"import": import_.id} | ({"connection": connection.name} if connection else {})
    return f"{base or ''}/{page}?{urlencode(query)}"
