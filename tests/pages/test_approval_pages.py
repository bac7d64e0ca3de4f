"""Approval on the pages: the preparer asks, someone else sees the same page and decides, all read how."""

import pytest
from streamlit.testing.v1 import AppTest

from blnk_api.access.roles import Role
from blnk_api.drafts import drafts, form_request
from blnk_api.models import BalanceRequest
from blnk_api.review import approving
from blnk_api.store import import_acts, transitions
from blnk_api.store.imports import Import
from blnk_api.store.states import ImportState, PausedBy
from tests.support.approval import ADA, ask, asked, require
from tests.support.importer import LEDGER, Importer, requests_for
from tests.support.pages import link, press, run, said, visit
from tests.support.roles import SignedIn


def labels(at: AppTest) -> set[str]:
    return {one.label for one in at.button}


def waiting(importer: Importer, n: int = 2) -> Import:
    """Ada has asked for approval of a file."""
    require(importer)
    draft = importer.draft(requests_for(n))
    ask(importer, draft)
    return draft


def type_in(at: AppTest, label: str, text: str) -> None:
    next(one for one in at.text_input if one.label == label).set_value(text)


def test_a_preparer_asks_for_approval_and_cannot_give_it(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    require(importer)
    draft = importer.draft(requests_for(2))
    SignedIn(monkeypatch, Role.PREPARER)
    at = visit("import_file.py", **link(draft), step="confirm")
    assert "Nothing is sent until someone else has approved these balances." in said(at)
    press(at, "Ask for approval of 2 balances")
    assert importer.find(draft.id).state is ImportState.WAITING
    at = visit("import_file.py", **link(draft))
    assert "Waiting for approval" in said(at)
    assert "you need the approver role" in said(at)
    assert "Approve 2 balances" not in labels(at)
    assert "Withdraw request" in labels(at)


def test_an_approver_is_told_which_rows_are_not_among_the_balances(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    require(importer)
    draft = importer.upload("ledger_id,currency\nSavings,USD\nSavings,UDS\n")
    ask(importer, draft)
    SignedIn(monkeypatch, Role.APPROVER)
    told = said(visit("import_file.py", **link(draft)))
    assert "2 rows · 1 ready · 1 invalid" in told
    assert "1 row is invalid and will be skipped." in told


def test_an_approver_cannot_approve_what_they_prepared(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    require(importer)
    draft = importer.draft(requests_for(2))
    SignedIn(monkeypatch, Role.PREPARER, Role.APPROVER)
    press(visit("import_file.py", **link(draft), step="confirm"), "Ask for approval of 2 balances")
    at = visit("import_file.py", **link(draft))
    assert "You uploaded or changed this import or asked for its approval" in said(at)
    assert "Approve 2 balances" not in labels(at)
    assert "Waiting for me" not in said(visit("import_file.py", connection="here"))


def test_an_approver_finds_what_waits_sees_all_of_it_types_the_count_and_approves(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = waiting(importer)
    SignedIn(monkeypatch, Role.APPROVER)
    first = said(visit("import_file.py", connection="here"))
    assert "Waiting for me" in first
    at = visit("imports.py", **link(draft))
    told = said(at)
    request = asked(importer, draft)
    assert "Ada (ada@acme.example) asked for approval of 2 balances" in told
    assert request.digest[:4] in told
    assert "Withdraw request" not in labels(at)
    type_in(at, "Type 2 to approve", "3")
    press(at, "Approve 2 balances")
    assert "Type the number of balances, 2, to approve. Nothing was sent." in said(at)
    type_in(at, "Type 2 to approve", "2")
    press(at, "Approve 2 balances")
    assert importer.find(draft.id).state is ImportState.QUEUED
    assert "Approved by Grace Hopper (grace@acme.example)" in said(visit("imports.py", **link(draft)))


def test_a_draft_that_was_sent_back_says_by_whom_and_why(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = waiting(importer)
    someone = SignedIn(monkeypatch, Role.APPROVER)
    at = visit("imports.py", **link(draft))
    type_in(at, "What has to change", "The *wrong* month")
    press(at, "Send back")
    assert importer.find(draft.id).state is ImportState.DRAFT
    someone.roles = frozenset({Role.PREPARER})
    at = visit("import_file.py", **link(draft))
    assert "Grace Hopper (grace@acme.example) sent it back: “The *wrong* month”. Nothing was sent." in said(
        at
    )


def test_a_preparer_withdraws_a_request(importer: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = waiting(importer)
    SignedIn(monkeypatch, Role.PREPARER)
    press(visit("import_file.py", **link(draft)), "Withdraw request")
    assert importer.find(draft.id).state is ImportState.DRAFT


def test_an_import_paused_without_approval_continues_by_asking_for_one(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = importer.draft(requests_for(2))
    importer.confirm(draft)
    require(importer)
    with importer.store.write() as tx:
        transitions.move_import(tx, draft.number, from_=[ImportState.QUEUED], to=ImportState.RUNNING)
        reason = "Nobody has approved row 2 yet."
        import_acts.pause(tx, draft.number, by=PausedBy.APPROVAL, who=ADA, reason=reason)
    someone = SignedIn(monkeypatch, Role.PREPARER)
    at = visit("imports.py", **link(draft))
    assert "Nobody has approved row 2 yet." in said(at)
    assert "Resume" not in labels(at)
    press(at, "Ask for approval of 2 balances")
    assert importer.find(draft.id).state is ImportState.WAITING
    request = asked(importer, draft)
    assert (request.rows, request.asked_by) == (2, someone.actor)


def test_a_balance_from_the_form_waits_on_its_own_page(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    require(importer)
    request = BalanceRequest(ledger_id=LEDGER, currency="NGN")
    here = importer.connection
    form_request.make_draft(importer.store, id="imp_form", connection=here, who=ADA, request=request)
    drafts.confirm(importer.store, importer.settings, id="imp_form", who=ADA, version=1)
    one = importer.find("imp_form")
    assert one.state is ImportState.WAITING
    SignedIn(monkeypatch, Role.APPROVER)
    at = visit("create_balance.py", **link(one))
    assert "Ada (ada@acme.example) asked for approval of 1 balance" in said(at)
    type_in(at, "Type 1 to approve", "1")
    press(at, "Approve 1 balance")
    assert importer.find("imp_form").state is ImportState.QUEUED


def test_the_connection_says_which_rule_is_in_force(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    require(importer, 500)
    SignedIn(monkeypatch, Role.VIEWER)
    at = visit("connection.py", connection="here")
    assert "Imports of 500 balances or more need approval by someone else" in said(at)


def test_an_outdated_page_decides_nothing(importer: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = waiting(importer)
    SignedIn(monkeypatch, Role.APPROVER)
    at = visit("imports.py", **link(draft))
    approving.withdraw(importer.store, draft, asked(importer, draft).id, who=ADA)
    type_in(at, "Type 2 to approve", "2")
    press(at, "Approve 2 balances")
    assert importer.find(draft.id).state is ImportState.DRAFT
    run(at)
