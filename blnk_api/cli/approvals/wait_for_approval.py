"""Imports that need approval, on the command line: it asks, says where it is given, and never gives it."""

from urllib.parse import urlencode

from blnk_api.cli.exits import CommandFailed
from blnk_api.cli.output import say
from blnk_api.cli.session import Session
from blnk_api.drafts import drafts
from blnk_api.drafts.drafts import NotConfirmed
from blnk_api.store.approvals import need, requests
from blnk_api.store.imports import Import
from blnk_api.store.states import ImportState
from blnk_api.wording.approval import requests as words


def asks_or_waits(opened: Session, import_: Import) -> bool:
    """As `waits`; of an import that is paused because its remaining rows have no approval, it is asked for
    first. Raises CommandFailed."""
    if need.lacks_one(import_):
        say(f"Paused: {import_.paused_reason}")
        try:
            drafts.ask_for_the_rest(opened.store, opened.settings, import_, who=opened.who)
        except NotConfirmed as problem:
            raise CommandFailed(str(problem)) from None
        import_ = opened.find(import_.id)
    return waits(opened, import_)


def waits(opened: Session, import_: Import) -> bool:
    """Whether it waits for approval, which is then said with a link."""
    if import_.state is not ImportState.WAITING:
        return False
    with opened.store.read() as tx:
        request = requests.last(tx, import_.number)
    say(words.waits(import_.id, request, link(opened, import_)))
    return True


def link(opened: Session, import_: Import) -> str:
    """To the page where it is approved; without a known address, where that page is."""
    settings = opened.settings
    base = settings.public_url or (settings.sign_in.url if settings.sign_in else None)
    connection = settings.connection_of(import_.instance)
    page = "create_balance" if import_.kind == "form" else "imports"
    query = {"import": import_.id} | ({"connection": connection.name} if connection else {})
    return f"{base or ''}/{page}?{urlencode(query)}"
