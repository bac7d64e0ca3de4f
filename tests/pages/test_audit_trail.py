"""The page Audit trail: who did what and when, for admins alone, by person and day."""

import csv
import io

import pytest

from blnk_api.access.roles import Role
from blnk_api.desk.desk import open_desk
from blnk_api.files.kinds import FileKind
from blnk_api.store.events import EventKind, note
from blnk_api.store.people import sessions
from blnk_api.store.people.sessions import Identity
from blnk_api.store.trail.reading import Wanted
from blnk_api.web import list_routes
from tests.support.actors import actor
from tests.support.importer import Importer, requests_for
from tests.support.pages import said, visit
from tests.support.roles import SignedIn
from tests.support.web import get

ADA = Identity(
    "https://id.example", "ada", name="Ada Lovelace", email="ada@acme.example", email_verified=True
)
EVIL = "<b>Eve</b> ![x](http://evil.example/x.png)"


@pytest.fixture
def import_id(importer: Importer) -> str:
    """Of an import that Ada uploaded and another person confirmed; Ada Lovelace signed in after it."""
    draft = importer.draft(requests_for(1))
    with importer.store.write() as tx:
        note(tx, draft.number, who=actor(EVIL), what=EventKind.CONFIRMED)
        sessions.begin(tx, "1", "acme", ADA)
    return draft.id


def shown(**query: str) -> list[tuple[str, str, str]]:
    """Who, what and which import, newest first."""
    at = visit("audit_trail.py", connection="here", **query)
    return [tuple(line[1:]) for table in at.dataframe for line in table.value.itertuples(index=False)]


def test_it_shows_what_happened_newest_first(import_id: str) -> None:
    assert shown() == [
        ("Ada Lovelace (ada@acme.example)", "Signed in with acme.", ""),
        (f"{EVIL} (not verified)", "Confirmed. Sending begins.", import_id),
        ("Ada (not verified)", "Uploaded the file.", import_id),
    ]


def test_it_is_narrowed_by_person_and_day(import_id: str) -> None:
    assert [what for _, what, _ in shown(person="ACME")] == ["Signed in with acme."]
    assert len(shown(person="ada")) == 2
    assert len(shown(**{"from": "2020-01-01"})) == 3
    assert shown(until="2020-01-01") == []
    nothing = visit("audit_trail.py", connection="here", person="Kofi")
    assert "No matching entries." in said(nothing)


def test_only_admins_see_and_download_it(
    import_id: str, host: str, importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    somebody = SignedIn(monkeypatch, Role.VIEWER, Role.PREPARER, Role.APPROVER)
    url = list_routes.trail_url(
        open_desk().links, importer.connection, Wanted(person="lovelace"), FileKind.CSV
    )
    refused = visit("audit_trail.py", connection="here")
    assert not refused.dataframe
    assert "see the audit trail" in said(refused)
    assert not links(visit("connection.py", connection="here"))
    assert get(f"{host}{url}").status_code == 403
    somebody.roles = frozenset({Role.ADMIN})
    assert len(shown()) == 3
    assert links(visit("connection.py", connection="here"))
    lines = list(csv.reader(io.StringIO(get(f"{host}{url}").content.decode("utf-8-sig"))))
    assert lines[0] == ["Import", "Number", "When (UTC)", "Who", "What", "SHA-256 link"]
    [signed] = lines[1:]
    assert (signed[:2], signed[3:5]) == (
        ["", "1"],
        ["Ada Lovelace (ada@acme.example)", "Signed in with acme."],
    )
    assert len(signed[5]) == 64
    assert shown()[0][:2] == (
        "Grace Hopper (grace@acme.example)",
        "Downloaded “audit trail.csv”.",
    )


def links(at: object) -> list[str]:
    """To the trail, on the page Connection."""
    found = at.get("page_link")  # type: ignore[attr-defined]
    return [one.proto.label for one in found if one.proto.label == "Audit trail"]
