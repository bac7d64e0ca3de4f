"""A second person: nothing is sent that someone else did not approve, to the byte, at that moment."""

import time
from dataclasses import replace

import pytest
from sqlalchemy import update

from blnk_api.access.actors import Actor, NotAllowed, Unlimited
from blnk_api.access.person_permissions import ByRoles
from blnk_api.access.role_grants import Claims, Grants
from blnk_api.access.roles import Role
from blnk_api.client import BlnkClient
from blnk_api.drafts import drafts
from blnk_api.drafts.drafts import NotConfirmed
from blnk_api.drafts.edits.open_draft import NotRepairable, open_draft
from blnk_api.review import actions, approving, waiting_for_approval
from blnk_api.review.actions import NotPossible
from blnk_api.review.approving import NotDecided
from blnk_api.review.resend_repaired import send_repaired
from blnk_api.sending import unapproved
from blnk_api.store import events, import_acts, tables
from blnk_api.store.approvals import decisions, ended_without_approval
from blnk_api.store.approvals.requests import RequestState
from blnk_api.store.imports import Import
from blnk_api.store.people import sessions
from blnk_api.store.people.sessions import Identity
from blnk_api.store.sending import claims, copied_store, stops
from blnk_api.store.states import ImportState, PausedBy, RowState
from blnk_api.store.trail.verify import Fault
from blnk_api.store.transitions import move_import
from blnk_api.wording.whole_desk import about_trail
from blnk_api.worker import lapse_approvals
from tests.support.actors import actor, signed_in
from tests.support.approval import ADA, GRACE, LIN, OMAR, approve, ask, asked, require
from tests.support.importer import BOTH_DATABASES, LEDGER, Importer, requests_for
from tests.support.practice import PracticeBlnk
from tests.support.sending import assert_each_once
from tests.support.store import set_columns
from tests.support.trail import first_break

on_both_databases = pytest.mark.parametrize("importer", BOTH_DATABASES, indirect=True)
DAY = 86_400.0


def confirm(importer: Importer, draft: Import, who: Actor = ADA) -> Import:
    """As the page and the command line do."""
    drafts.confirm(importer.store, importer.settings, id=draft.id, who=who, version=draft.version)
    return importer.find(draft.id)


def paused(importer: Importer, import_: Import) -> Import:
    now = importer.wait_for(import_, ImportState.PAUSED)
    assert now.paused_by is PausedBy.APPROVAL
    return now


@on_both_databases
def test_a_confirmed_draft_waits_until_someone_else_approves_and_is_then_created_once(
    importer: Importer, practice_blnk: PracticeBlnk
) -> None:
    require(importer)
    draft = importer.draft(requests_for(3))
    importer.start()
    assert confirm(importer, draft).state is ImportState.WAITING
    assert practice_blnk.balances() == []
    approve(importer, draft)
    done = importer.wait_for(draft, ImportState.DONE)
    assert_each_once(practice_blnk, importer, done)
    assert (done.confirmed_by, done.needs_approval) == (ADA, True)
    assert [one for one in importer.events(done) if "appro" in one] == ["asked for approval", "approved"]


def test_below_the_number_of_the_rule_no_approval_is_needed(importer: Importer) -> None:
    require(importer, 3)
    assert confirm(importer, importer.draft(requests_for(2))).state is ImportState.QUEUED
    assert confirm(importer, importer.draft(requests_for(3))).state is ImportState.WAITING


@on_both_databases
def test_an_unapproved_import_is_not_sent_once_the_rule_is_in_force(
    importer: Importer, practice_blnk: PracticeBlnk
) -> None:
    draft = importer.draft(requests_for(2))
    importer.confirm(draft)
    require(importer)
    importer.start()
    reason = paused(importer, draft).paused_reason or ""
    assert "Nobody has approved" in reason
    assert practice_blnk.balances() == []
    ask(importer, draft)
    approve(importer, draft)
    assert_each_once(practice_blnk, importer, importer.wait_for(draft, ImportState.DONE))


@on_both_databases
def test_a_sender_that_was_denied_rows_pauses_nothing_once_they_are_approved(importer: Importer) -> None:
    draft = importer.draft(requests_for(2))
    importer.confirm(draft)
    require(importer)
    ids = [row.id for row in importer.rows(draft)]
    with importer.store.write() as tx:
        unapproved.pause(tx, draft.number, ids)
    assert importer.find(draft.id).paused_by is PausedBy.APPROVAL
    ask(importer, draft)
    approve(importer, draft)
    with pytest.raises(unapproved.ApprovedMeanwhile), importer.store.write() as tx:
        unapproved.pause(tx, draft.number, ids)
    assert importer.find(draft.id).state is ImportState.QUEUED


@on_both_databases
def test_a_body_changed_in_the_database_is_never_claimed_and_is_reported(
    importer: Importer, practice_blnk: PracticeBlnk
) -> None:
    require(importer)
    draft = importer.draft(requests_for(3))
    ask(importer, draft)
    approve(importer, draft)
    importer.spoil(draft, number=2)  # the canary: nothing at all leaves
    importer.start()
    now = paused(importer, draft)
    assert "Row 2 in the import database is not what was approved" in (now.paused_reason or "")
    assert importer.states(now) == [RowState.READY] * 3
    assert practice_blnk.balances() == []


def test_a_body_that_is_changed_while_it_waits_cannot_be_approved(importer: Importer) -> None:
    require(importer)
    draft = importer.draft(requests_for(2))
    request = ask(importer, draft)
    importer.spoil(draft, number=3)
    with pytest.raises(NotDecided, match="outside Balance Desk"):
        approving.approve(importer.store, draft, request.id, who=GRACE, typed="2")
    assert importer.find(draft.id).state is ImportState.WAITING


@on_both_databases
@pytest.mark.parametrize("how", ["withdrawn", "lapsed", "void"])
def test_an_approval_that_is_over_stops_the_next_claim(
    importer: Importer, practice_blnk: PracticeBlnk, how: str
) -> None:
    require(importer)
    draft = importer.draft(requests_for(2))
    request = ask(importer, draft)
    approve(importer, draft)
    with importer.store.write() as tx:
        match how:
            case "withdrawn":
                assert decisions.end(tx, request, RequestState.WITHDRAWN)
            case "lapsed":
                approvals = tables.approvals
                tx.execute(update(approvals).values(lapses_at=time.time() - 1))
            case "void":
                copied_store.stop_all(tx, who=actor(), reason="A copy.", about_tokens="")
                stops.start(tx, None, who=actor())
    importer.start()
    reason = paused(importer, draft).paused_reason or ""
    assert {"withdrawn": "withdrawn", "lapsed": "has lapsed", "void": "restored"}[how] in reason
    assert practice_blnk.balances() == []


def test_withdrawing_pauses_what_was_approved_and_gives_back_what_waits(importer: Importer) -> None:
    require(importer)
    draft = importer.draft(requests_for(1))
    request = ask(importer, draft)
    approving.withdraw(importer.store, draft, request.id, who=ADA)
    assert importer.find(draft.id).state is ImportState.DRAFT
    with pytest.raises(NotDecided):
        approving.approve(importer.store, draft, request.id, who=GRACE, typed="1")
    request = ask(importer, draft)
    approve(importer, draft)
    approving.withdraw(importer.store, draft, request.id, who=ADA)
    now = importer.find(draft.id)
    assert (now.state, now.paused_by) == (ImportState.PAUSED, PausedBy.APPROVAL)


def test_withdrawing_pauses_nothing_if_every_row_has_left_already(importer: Importer) -> None:
    require(importer)
    draft = importer.draft(requests_for(1))
    request = ask(importer, draft)
    approve(importer, draft)
    [row] = importer.rows(draft)
    with importer.store.write() as tx:
        assert move_import(tx, draft.number, from_=[ImportState.QUEUED], to=ImportState.RUNNING)
        assert claims.claim_approved(tx, draft.number, {row.id: row.body or b""}).tries
    approving.withdraw(importer.store, draft, request.id, who=ADA)
    assert importer.find(draft.id).state is ImportState.RUNNING


def test_a_row_is_claimed_only_as_it_was_read_and_approved_and_while_the_approval_stands(
    importer: Importer,
) -> None:
    require(importer)
    draft = importer.draft(requests_for(1))
    ask(importer, draft)
    approve(importer, draft)
    [row] = importer.rows(draft)
    assert row.body is not None
    with importer.store.write() as tx:
        assert move_import(tx, draft.number, from_=[ImportState.QUEUED], to=ImportState.RUNNING)
        tx.execute(update(tables.rows).where(tables.rows.c.id == row.id).values(body=b"other"))
        for body in (row.body, b"other"):
            assert claims.claim_approved(tx, draft.number, {row.id: body}).tries == {}
        tx.execute(update(tables.rows).where(tables.rows.c.id == row.id).values(body=row.body))
        for over in set(RequestState) - {RequestState.APPROVED}:
            tx.execute(update(tables.approvals).values(state=over))
            assert claims.claim_approved(tx, draft.number, {row.id: row.body}).tries == {}
        tx.execute(update(tables.approvals).values(state=RequestState.APPROVED))
        assert list(claims.claim_approved(tx, draft.number, {row.id: row.body}).tries) == [row.id]


def test_sent_back_it_is_a_draft_again_and_says_why(importer: Importer) -> None:
    require(importer)
    draft = importer.draft(requests_for(1))
    request = ask(importer, draft)
    with pytest.raises(NotDecided, match="what has to change"):
        approving.send_back(importer.store, draft, request.id, who=GRACE, reason="  ")
    approving.send_back(importer.store, draft, request.id, who=GRACE, reason="The wrong month.")
    now = importer.find(draft.id)
    assert (now.state, now.version) == (ImportState.DRAFT, draft.version + 1)
    ended = asked(importer, draft)
    assert (ended.state, ended.decisions[0].reason) == (RequestState.SENT_BACK, "The wrong month.")


def test_a_request_that_nobody_decides_lapses_with_a_notice_before(importer: Importer) -> None:
    require(importer, approval_days=4)
    draft = importer.draft(requests_for(1))
    request = ask(importer, draft)
    now = request.asked_at
    lapse_approvals.lapse(importer.store, now=now + 2 * DAY)
    assert asked(importer, draft).state is RequestState.ASKED
    for _ in range(2):
        lapse_approvals.lapse(importer.store, now=now + 3.5 * DAY)
    lapse_approvals.lapse(importer.store, now=now + 4.1 * DAY)
    assert asked(importer, draft).state is RequestState.LAPSED
    assert importer.find(draft.id).state is ImportState.DRAFT
    with importer.store.read() as tx:
        kinds = list(tx.execute(tables.notices.select().order_by(tables.notices.c.id)))
    assert [one.kind for one in kinds] == ["approval asked", "approval lapses", "approval lapsed"]


def test_a_lapsed_request_cannot_be_approved_before_it_is_ended(importer: Importer) -> None:
    require(importer)
    draft = importer.draft(requests_for(1))
    request = ask(importer, draft)
    with importer.store.write() as tx:
        tx.execute(update(tables.approvals).values(lapses_at=time.time() - 1))
    with pytest.raises(NotDecided, match="no longer waits"):
        approving.approve(importer.store, draft, request.id, who=GRACE, typed="1")


@pytest.mark.parametrize(
    "who",
    [
        pytest.param(ADA, id="who asked"),
        pytest.param(OMAR, id="who edited"),
        pytest.param(signed_in("Other", "ADA@acme.example"), id="who asked, at another provider"),
        pytest.param(signed_in("Uma", "uma@acme.example"), id="who uploaded, before people signed in"),
        pytest.param(actor("Zoe"), id="nobody who signed in"),
        pytest.param(Actor.machine("root"), id="the command line"),
    ],
)
def test_a_person_who_prepared_it_cannot_approve_it(importer: Importer, who: Actor) -> None:
    require(importer)
    draft = importer.draft(requests_for(1), who="Uma")
    with importer.store.write() as tx:
        events.note(tx, draft.number, who=OMAR, what=events.EventKind.LEFT_OUT)
    request = ask(importer, draft)
    with pytest.raises(NotDecided):
        approving.approve(importer.store, draft, request.id, who=who, typed="1")
    assert importer.find(draft.id).state is ImportState.WAITING
    with importer.store.read() as tx:
        waits = [
            [one.id for one in waiting_for_approval.whom(tx, draft.instance, person)]
            for person in (who, GRACE)
        ]
    assert waits == [[], [draft.id]]


@on_both_databases
@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ("ada@acme.example", "Ada@ACME.example"),
        ("ada.l@acme.example", "ada.l@acme.example"),  # at both, and neither says that it is verified
        ("rené@acme.example", "rene\u0301@acme.example"),
    ],
)
def test_a_second_account_with_an_address_that_nobody_verified_is_no_second_person(
    importer: Importer, mine: str, theirs: str
) -> None:
    require(importer)
    other = Actor.person(
        issuer="https://other.example", subject="7", name="A. L.", email="", access=Unlimited()
    )
    with importer.store.write() as tx:
        sessions.begin(tx, "a", "acme", Identity(ADA.issuer, ADA.subject, "Ada", mine))
        sessions.begin(tx, "b", "other", Identity(other.issuer, other.subject, "A. L.", theirs))
    draft = importer.draft(requests_for(1))
    request = ask(importer, draft)
    with pytest.raises(NotDecided, match="someone else"):
        approving.approve(importer.store, draft, request.id, who=other, typed="1")
    approving.approve(importer.store, draft, request.id, who=LIN, typed="1")


def test_a_person_who_confirmed_it_before_the_rule_cannot_approve_the_rest(importer: Importer) -> None:
    draft = importer.draft(requests_for(1))
    confirm(importer, draft, OMAR)
    require(importer)
    importer.start()
    paused(importer, draft)
    request = ask(importer, draft)
    with pytest.raises(NotDecided, match="someone else"):
        approving.approve(importer.store, draft, request.id, who=OMAR, typed="1")


@on_both_databases
def test_a_forged_approval_is_named_by_the_trail(importer: Importer) -> None:
    require(importer, approvers=2)
    draft, other = importer.draft(requests_for(1)), importer.draft(requests_for(1))
    for one in (draft, other):
        request = ask(importer, one)
        approving.approve(importer.store, one, request.id, who=GRACE, typed="1")
    approving.approve(importer.store, other, asked(importer, other).id, who=LIN, typed="1")
    assert first_break(importer.store) is None
    with importer.store.write() as tx:
        tx.execute(update(tables.approvals).values(state=RequestState.APPROVED))
    found = first_break(importer.store)
    assert found is not None
    assert (found.fault, found.import_id) == (Fault.APPROVAL, draft.id)
    assert about_trail.broken(found).startswith(f"An approval of import {draft.id} is in the database, but")


def test_the_approver_types_the_count(importer: Importer) -> None:
    require(importer)
    draft = importer.draft(requests_for(2))
    request = ask(importer, draft)
    with pytest.raises(NotDecided, match="Type the number of balances, 2"):
        approving.approve(importer.store, draft, request.id, who=GRACE, typed="3")


def test_two_people_have_to_approve_if_the_rule_says_so(importer: Importer) -> None:
    require(importer, approvers=2)
    draft = importer.draft(requests_for(1))
    request = ask(importer, draft)
    assert not approving.approve(importer.store, draft, request.id, who=GRACE, typed="1")
    assert importer.find(draft.id).state is ImportState.WAITING
    again = signed_in("Grace B.", "grace@acme.example")
    for who in (GRACE, again):
        with pytest.raises(NotDecided, match="already decided"):
            approving.approve(importer.store, draft, request.id, who=who, typed="1")
    assert approving.approve(importer.store, draft, request.id, who=LIN, typed="1")
    assert importer.find(draft.id).state is ImportState.QUEUED


def test_a_first_approval_counts_although_its_giver_loses_the_role_before_the_second(
    importer: Importer,
) -> None:
    require(importer, approvers=2)
    draft = importer.draft(requests_for(1))
    request = ask(importer, draft)
    claims = Claims("https://id.example", "grace", groups=frozenset({"leads"}))
    held = [replace(importer.settings, roles=Grants({Role.APPROVER: ("group:leads",)}))]
    grace = signed_in("Grace", "grace@acme.example", access=ByRoles(lambda: claims, lambda: held[0]))
    assert not approving.approve(importer.store, draft, request.id, who=grace, typed="1")
    held[0] = replace(importer.settings, roles=Grants())
    with pytest.raises(NotAllowed):
        approving.approve(importer.store, draft, request.id, who=grace, typed="1")
    assert approving.approve(importer.store, draft, request.id, who=LIN, typed="1")
    assert importer.find(draft.id).state is ImportState.QUEUED


def test_a_stricter_rule_does_not_change_what_was_asked_before(importer: Importer) -> None:
    require(importer)
    draft = importer.draft(requests_for(2))
    ask(importer, draft)
    importer.start()
    require(importer, approvers=2, approval_days=1)
    approve(importer, draft)
    importer.wait_for(draft, ImportState.DONE)
    assert asked(importer, draft).lapses_at > time.time() + 6 * DAY


def test_while_it_waits_nobody_changes_confirms_or_resumes_it(importer: Importer) -> None:
    require(importer)
    draft = importer.draft(requests_for(1))
    ask(importer, draft)
    with importer.store.write() as tx:
        with pytest.raises(NotRepairable):
            open_draft(tx, draft.id, who=ADA)
        assert not import_acts.confirm(tx, draft, who=ADA, version=draft.version)
        assert not import_acts.resume(tx, draft.number, who=ADA)
    assert confirm(importer, draft).state is ImportState.WAITING


def test_a_draft_that_changed_is_not_asked_about(importer: Importer) -> None:
    require(importer)
    draft = importer.draft(requests_for(1))
    with importer.store.write() as tx:
        tx.execute(update(tables.imports).values(version=draft.version + 1))
    with pytest.raises(NotConfirmed):
        confirm(importer, draft)
    assert importer.find(draft.id).state is ImportState.DRAFT


def test_a_waiting_import_can_be_canceled_and_is_then_decided_by_nobody(importer: Importer) -> None:
    require(importer)
    draft = importer.draft(requests_for(1))
    request = ask(importer, draft)
    importer.cancel(draft)
    assert importer.find(draft.id).state is ImportState.CANCELLED
    with pytest.raises(NotDecided):
        approving.approve(importer.store, draft, request.id, who=GRACE, typed="1")


def test_a_restored_desk_has_drafts_where_imports_waited(importer: Importer) -> None:
    require(importer)
    draft = importer.draft(requests_for(1))
    request = ask(importer, draft)
    with importer.store.write() as tx:
        ended_without_approval.void_all(tx, who=actor(), reason="Restored.")
    assert importer.find(draft.id).state is ImportState.DRAFT
    with pytest.raises(NotDecided):
        approving.approve(importer.store, draft, request.id, who=GRACE, typed="1")


@on_both_databases
def test_only_an_approver_sends_a_row_in_doubt_again(importer: Importer, practice_blnk: PracticeBlnk) -> None:
    require(importer)
    draft = importer.draft(requests_for(1))
    ask(importer, draft)
    approve(importer, draft)
    practice_blnk.order_fault("drop_before_commit", times=1)
    with importer.store.write() as tx:  # as if nothing could tell what came of it, and a week ago
        tx.execute(update(tables.rows).values(state="UNKNOWN", waits_for_person=True, tries=1))
        tx.execute(update(tables.counts).where(tables.counts.c.state == "READY").values(state="UNKNOWN"))
        tx.execute(update(tables.imports).values(state="done"))
        tx.execute(update(tables.approvals).values(lapses_at=time.time() - 1))
    practice_blnk.reset()
    [row] = importer.rows(draft)
    for who in (ADA, Actor.machine("root"), actor("Zoe")):
        with pytest.raises(NotPossible):
            actions.send_again(importer.store, row.id, who=who)
    assert actions.send_again(importer.store, row.id, who=GRACE)
    importer.start()
    assert_each_once(practice_blnk, importer, importer.wait_for(draft, ImportState.DONE))


def test_creating_an_existing_row_again_needs_another_approval(
    importer: Importer, practice_blnk: PracticeBlnk
) -> None:
    first = importer.run(requests_for(1))
    require(importer)
    second = importer.draft(requests_for(1))
    ask(importer, second)
    approve(importer, second)
    done = importer.wait_for(second, ImportState.DONE)
    [row] = importer.rows(done)
    assert row.state is RowState.EXISTS
    actions.again_anyway(importer.store, done, [row.id], typed_count=1, who=ADA)
    paused(importer, done)
    assert len(practice_blnk.balances()) == 1
    ask(importer, done)
    approve(importer, done)
    importer.wait_for(done, ImportState.DONE)
    assert len(practice_blnk.balances()) == 2
    assert importer.find(first.id).state is ImportState.DONE


def test_a_fix_of_an_approved_import_needs_approval_however_small_it_is(
    importer: Importer,
) -> None:
    require(importer, 3)
    source, fix = importer.draft(requests_for(3)), importer.draft(requests_for(1))
    ask(importer, source)
    with importer.store.write() as tx:
        set_columns(tx, fix, fixes=source.number)
    assert confirm(importer, fix).state is ImportState.WAITING
    # A file in two pieces, of which neither was asked about.
    piece, rest = importer.draft(requests_for(2)), importer.draft(requests_for(1))
    assert confirm(importer, piece).state is ImportState.QUEUED
    with importer.store.write() as tx:
        set_columns(tx, rest, fixes=piece.number)
    assert confirm(importer, rest).state is ImportState.WAITING


def test_a_rejected_row_that_is_fixed_needs_another_approval(
    importer: Importer, practice_blnk: PracticeBlnk
) -> None:
    require(importer)
    draft = importer.upload(f"ledger_id,currency,customer\n{LEDGER},NGN,1\n")
    importer.stop()
    ask(importer, draft)
    approve(importer, draft)
    with importer.store.write() as tx:  # as if Blnk had rejected it
        tx.execute(update(tables.rows).values(state="REFUSED", tries=1))
        tx.execute(update(tables.counts).where(tables.counts.c.state == "READY").values(state="REFUSED"))
        tx.execute(update(tables.imports).values(state="done"))
    [row] = importer.rows(draft)
    with BlnkClient(importer.connection) as client:
        assert send_repaired(importer.store, client, importer.connection, row.id, {2: "1b"}, who=ADA)
    importer.start()
    assert "Nobody has approved row 2" in (paused(importer, draft).paused_reason or "")
    assert practice_blnk.balances() == []
    ask(importer, draft)
    approve(importer, draft)
    assert_each_once(practice_blnk, importer, importer.wait_for(draft, ImportState.DONE))
    [made] = practice_blnk.balances()
    assert made["meta_data"]["customer"] == "1b"
