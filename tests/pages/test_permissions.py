"""What a person may not do is not offered, the page says who may, and an outdated page does nothing."""

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from blnk_api.access.roles import Role
from blnk_api.desk.balance_search import Wanted
from blnk_api.desk.desk import open_desk
from blnk_api.files.kinds import FileKind
from blnk_api.reports.months import Month
from blnk_api.reports.receipts import write_owed
from blnk_api.reports.results import Variant
from blnk_api.store import events, instance_numbers
from blnk_api.store.people import notes
from blnk_api.store.search.import_search import Search
from blnk_api.store.states import ImportState
from blnk_api.web import list_routes, receipt_routes, routes
from blnk_api.wording import phrases
from pages.run import controls
from tests.support.actors import signed_in
from tests.support.importer import Importer, make_draft, requests_for
from tests.support.pages import link, press, run, said, visit
from tests.support.roles import SignedIn
from tests.support.store import ELSEWHERE
from tests.support.web import get


def labels(at: AppTest) -> set[str]:
    return {one.label for one in at.button}


def test_a_viewer_is_offered_no_upload_and_reads_who_may(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    SignedIn(monkeypatch, Role.VIEWER)
    at = visit("import_file.py", connection="here")
    assert not at.get("file_uploader")
    assert "To upload a file in “here”, you need the preparer role" in said(at)
    assert "members of the group “preparers”" in said(at)


def test_a_viewer_is_offered_no_form(importer: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    SignedIn(monkeypatch, Role.VIEWER)
    at = visit("create_balance.py", connection="here")
    assert "Create balance" not in labels(at)
    assert "To create a balance with the form in “here”, you need the preparer role" in said(at)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.APPROVER, Role.ADMIN])
def test_without_permission_to_change_a_draft_one_sees_what_it_would_create(
    importer: Importer, monkeypatch: pytest.MonkeyPatch, role: Role
) -> None:
    draft = importer.draft(requests_for(3))
    SignedIn(monkeypatch, role)
    at = visit("import_file.py", **link(draft))
    assert "test.csv" in said(at)
    assert "To change a draft in “here”, you need the preparer role" in said(at)
    assert len(next(one.value for one in at.dataframe if "Row" in one.value)) == 3
    offered = {one for one in labels(at) if "Create" in one or one in ("Continue", "Discard draft")}
    assert offered == ({"Discard draft"} if role is Role.ADMIN else set())


def test_a_preparer_confirms_and_is_recorded_by_name_and_email(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = importer.draft(requests_for(2))
    SignedIn(monkeypatch, Role.PREPARER)
    at = visit("import_file.py", **link(draft), step="confirm")
    press(at, "Create 2 balances")
    queued = importer.find(draft.id)
    assert queued.state is ImportState.QUEUED
    assert queued.confirmed_by is not None
    assert phrases.actor(queued.confirmed_by) == "Grace Hopper (grace@acme.example)"


@pytest.mark.parametrize(
    ("role", "offered"),
    [
        (Role.VIEWER, set()),
        (Role.PREPARER, {"Pause"}),
        (Role.APPROVER, {"Pause", "Cancel import…"}),
        (Role.ADMIN, {"Pause"}),
    ],
)
def test_an_import_underway_is_paused_and_canceled_by_those_who_may(
    importer: Importer, monkeypatch: pytest.MonkeyPatch, role: Role, offered: set[str]
) -> None:
    draft = importer.draft(requests_for(2))
    importer.confirm(draft)
    SignedIn(monkeypatch, role)
    at = visit("imports.py", **link(draft))
    assert labels(at) & {"Pause", "Cancel import…"} == offered
    assert ("To pause an import in “here”, you need the" in said(at)) is (not offered)


def test_a_removed_role_stops_the_next_click(importer: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = importer.draft(requests_for(2))
    importer.confirm(draft)
    grace = SignedIn(monkeypatch, Role.PREPARER)
    at = visit("imports.py", **link(draft))
    real = controls._act

    def act(*args: Any, **facts: Any) -> None:
        """She has the page in front of her, and loses the role before her press is carried out."""
        grace.roles = frozenset({Role.VIEWER})
        real(*args, **facts)

    monkeypatch.setattr(controls, "_act", act)
    press(at, "Pause")
    assert "You are not allowed to pause an import in “here”. Nothing was changed or created." in said(at)
    assert importer.find(draft.id).state is ImportState.QUEUED
    with importer.store.read() as tx:
        assert "paused" not in [one.what for one in events.of_import(tx, draft.number)]


def test_a_finished_import_offers_a_viewer_nothing_that_changes_it(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = importer.run(requests_for(2))
    with importer.store.write() as tx:
        notes.add_to_import(tx, done, "Checked.", who=signed_in("Ben", "ben@acme.example"))
    SignedIn(monkeypatch, Role.VIEWER)
    at = visit("imports.py", **link(done))
    assert not labels(at) & {"Verify again", "Add note", "Create again anyway"}
    assert "Checked." in said(at)
    assert "Ben (ben@acme.example)" in said(at)
    assert "To add a note in “here”, you need the preparer, approver or admin role" in said(at)


def test_a_person_without_a_role_sees_no_file_and_reads_whom_to_ask(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = importer.draft(requests_for(2))
    SignedIn(monkeypatch)
    for page, query in (("imports.py", {"connection": "here"}), ("import_file.py", link(draft))):
        at = visit(page, **query)
        assert at.title[0].value == "No access to this connection"
        assert "You have no role for “here”" in said(at)
        assert "To get one, ask an admin: members of the group “admins”." in said(at)
        assert "test.csv" not in said(at)
        assert not at.dataframe


def test_imports_of_other_connections_are_listed_by_role(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    importer.draft(requests_for(2))
    with importer.store.write() as tx:
        instance_numbers.number_for(tx, ELSEWHERE)
    other = make_draft(importer.store, ELSEWHERE, requests_for(1))
    grace = SignedIn(monkeypatch, Role.VIEWER)
    at = visit("imports.py", connection="here")
    assert other.id not in "".join(str(one.proto) for one in at.get("page_link"))
    grace.roles = frozenset({Role.ADMIN})
    at = visit("imports.py", connection="here")
    at.button_group(key="where").set_value("All connections")
    run(at)
    assert other.id in "".join(str(one.proto) for one in at.get("page_link"))


@pytest.mark.parametrize("role", Role)
def test_sending_is_stopped_by_those_who_may(
    importer: Importer, monkeypatch: pytest.MonkeyPatch, role: Role
) -> None:
    SignedIn(monkeypatch, role)
    at = visit("connection.py", connection="here")
    offered = "Stop sending for all connections" in labels(at)
    assert offered is (role is not Role.VIEWER)


@pytest.mark.parametrize("role", [None, *Role])
def test_a_link_downloads_only_for_those_who_may_see_the_import(
    host: str, importer: Importer, monkeypatch: pytest.MonkeyPatch, role: Role | None
) -> None:
    draft = importer.draft(requests_for(2))
    desk = open_desk()
    urls = (
        routes.download_url(desk.links, draft.id, Variant.ALL),
        routes.problem_rows_url(desk.links, draft.id),
        routes.evidence_url(desk.links, draft.id),
        routes.template_url(desk.links, "here", FileKind.CSV),
        list_routes.imports_url(desk.links, importer.connection, Search(), FileKind.CSV),
        list_routes.month_url(desk.links, importer.connection, Month(2026, 1), FileKind.CSV),
        list_routes.balances_url(desk.links, importer.connection, Wanted(), FileKind.CSV),
    )
    SignedIn(monkeypatch, *([role] if role else []))
    for url in urls:
        answer = get(host + url)
        assert answer.status_code == (200 if role else 403), url
        if role is None:
            assert "You have no role for “here”" in answer.text
            assert "test.csv" not in answer.text


def test_a_receipts_link_opens_only_for_those_who_may_see_the_import(
    host: str, importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = importer.run(requests_for(1))
    write_owed(importer.store, importer.files, done.number)
    url = host + receipt_routes.receipt_url(open_desk().links, done.id, 1)
    grace = SignedIn(monkeypatch, Role.VIEWER)
    assert get(url).status_code == 200
    grace.roles = frozenset()
    for form in ("", ".json", ".csv"):
        assert get(url + form).status_code == 403


def test_a_downloaded_list_has_no_import_of_a_connection_that_may_not_be_seen(
    host: str, importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    importer.draft(requests_for(2))
    other = make_draft(importer.store, ELSEWHERE, requests_for(1))
    url = host + list_routes.imports_url(open_desk().links, importer.connection, Search(), FileKind.CSV)
    grace = SignedIn(monkeypatch, Role.VIEWER)
    assert other.id not in get(url).text
    grace.roles = frozenset({Role.ADMIN})
    assert other.id in get(url).text


def test_only_connections_that_may_be_seen_are_offered_to_choose_from(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = importer.data_dir / "secrets.toml"
    text = secrets.read_text()
    here, there = importer.connection.instance, "ins_there"
    second = text.split("\n", 1)[1].replace("[connections.here]", "[connections.there]")
    secrets.write_text(f"{text}\n{second.replace(here.instance_id, there)}")
    grace = SignedIn(monkeypatch, Role.VIEWER)
    grace.closed = {here}
    at = visit("imports.py")
    assert [one.key for one in at.button if one.label == "Use this connection"] == ["use-there"]
    grace.roles = frozenset()
    assert "You have no role for any connection" in said(visit("imports.py"))
