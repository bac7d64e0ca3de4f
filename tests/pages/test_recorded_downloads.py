"""Who signed in is written down with what they download; without sign-in nobody is known, and nothing is."""

import re
from urllib.parse import unquote

import pytest
from sqlalchemy.exc import OperationalError

from blnk_api.access.actors import ActorKind
from blnk_api.access.roles import Role
from blnk_api.desk.desk import open_desk
from blnk_api.files.kinds import FileKind
from blnk_api.reports.months import Month
from blnk_api.reports.receipts import write_owed
from blnk_api.reports.results import Variant
from blnk_api.store import events
from blnk_api.store.events import EventKind
from blnk_api.store.imports import Import
from blnk_api.store.people import desk_events
from blnk_api.store.people.desk_events import DeskEvent, DeskEventKind
from blnk_api.web import list_routes, receipt_routes, routes
from blnk_api.wording import about_activity, phrases
from tests.support.importer import Importer, requests_for
from tests.support.roles import SignedIn
from tests.support.web import get


def urls(host: str, importer: Importer, import_: Import) -> list[str]:
    """Everything that can be downloaded of an import, and a list."""
    links = open_desk().links
    receipt = receipt_routes.receipt_url(links, import_.id, 1)
    paths = (
        routes.download_url(links, import_.id, Variant.ALL),
        routes.download_url(links, import_.id, Variant.NOT_CREATED, FileKind.XLSX),
        routes.evidence_url(links, import_.id),
        f"{receipt}.json",
        f"{receipt}.csv",
        list_routes.month_url(links, importer.connection, Month(2026, 1), FileKind.XLSX),
    )
    return [host + path for path in paths]


def download(url: str) -> str:
    """The name under which the file comes."""
    answer = get(url)
    assert answer.status_code == 200, url
    named = answer.headers["Content-Disposition"]
    exact = re.search(r"filename\*=(?:UTF|utf)-8''(\S+)|filename=\"([^\"]+)\"$", named)
    assert exact, named
    return unquote(exact[1] or exact[2])


def told(importer: Importer, import_: Import) -> tuple[list[str], list[DeskEvent]]:
    """What is written down of downloads: of the import in words, and of the desk."""
    with importer.store.read() as tx:
        happened = events.of_kinds(tx, import_.number, [EventKind.DOWNLOADED])
        assert {one.who.kind for one in happened} <= {ActorKind.PERSON}
        lists = desk_events.last(tx, DeskEventKind.DOWNLOADED, limit=10)
    return [f"{phrases.actor(one.who)}: {about_activity.event(one)}" for one in happened], lists


def test_a_download_is_an_event_with_the_name_of_the_person(
    host: str, importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = importer.run(requests_for(2))
    write_owed(importer.store, importer.files, done.number)
    for url in urls(host, importer, done):
        download(url)
    assert told(importer, done) == ([], [])
    SignedIn(monkeypatch, Role.VIEWER)
    *names, list_name = [download(url) for url in urls(host, importer, done)]
    of_import, of_desk = told(importer, done)
    assert of_import == [f"Grace Hopper (grace@acme.example): Downloaded “{name}”." for name in names]
    assert [(one.who.email, one.what, one.detail) for one in of_desk] == [
        ("grace@acme.example", "downloaded", list_name)
    ]


def test_nothing_is_downloaded_that_cannot_be_recorded(
    host: str, importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = importer.draft(requests_for(1))
    SignedIn(monkeypatch, Role.VIEWER)

    def full(*_: object, **__: object) -> None:
        raise OperationalError("", {}, Exception("database or disk is full"))

    monkeypatch.setattr(events, "note", full)
    answer = get(host + routes.download_url(open_desk().links, draft.id, Variant.ALL))
    assert answer.status_code == 503
    assert "nothing is downloaded" in answer.text
