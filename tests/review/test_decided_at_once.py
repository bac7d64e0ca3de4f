"""Two people who decide at the same moment: each sees what the other did, and nothing is half decided."""

import hashlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from sqlalchemy import select, update

from blnk_api.access.actors import Actor
from blnk_api.review import approving
from blnk_api.review.approving import NotDecided
from blnk_api.store import import_acts, tables
from blnk_api.store.approvals.requests import Request, RequestState
from blnk_api.store.imports import Import
from blnk_api.store.states import ImportState, PausedBy
from blnk_api.worker import lapse_approvals
from tests.support.approval import ADA, GRACE, LIN, ask, asked, require
from tests.support.importer import Importer, requests_for, wait_until
from tests.support.postgres import Postgres

pytestmark = pytest.mark.parametrize("importer", ["postgres"], indirect=True)
Act = Callable[[], object]


def waiting(importer: Importer, postgres: Postgres) -> list[int]:
    return postgres.sessions(importer.database_url, that="wait_event_type = 'Lock'")


def both_at_once(importer: Importer, postgres: Postgres, request: Request, *acts: Act) -> list[object]:
    """The outcome of each. Each has begun, and none has written anything, before any of them continues."""

    def do(act: Act) -> object:
        try:
            return act()
        except NotDecided as refused:
            return refused

    with ThreadPoolExecutor(len(acts)) as pool:
        with importer.store.write() as tx:
            mine = select(tables.approvals.c.id).where(tables.approvals.c.id == request.id)
            tx.execute(mine.with_for_update())
            doing: list[Future[object]] = []
            for act in acts:
                doing.append(pool.submit(do, act))
                wait_until(lambda: len(waiting(importer, postgres)) == len(doing), lambda: "nobody waits")
        return [one.result() for one in doing]


def approval(importer: Importer, draft: Import, request: Request, who: Actor) -> Act:
    return lambda: approving.approve(importer.store, draft, request.id, who=who, typed=str(request.rows))


def test_two_who_approve_at_once_are_two(importer: Importer, postgres: Postgres) -> None:
    require(importer, approvers=2)
    draft = importer.draft(requests_for(2))
    request = ask(importer, draft)
    acts = [approval(importer, draft, request, who) for who in (GRACE, LIN)]
    assert both_at_once(importer, postgres, request, *acts) == [False, True]
    assert asked(importer, draft).state is RequestState.APPROVED
    assert importer.find(draft.id).state is ImportState.QUEUED


def test_one_person_who_approves_in_two_tabs_is_one(importer: Importer, postgres: Postgres) -> None:
    require(importer, approvers=2)
    draft = importer.draft(requests_for(2))
    request = ask(importer, draft)
    acts = [approval(importer, draft, request, GRACE)] * 2
    first, second = both_at_once(importer, postgres, request, *acts)
    assert first is False
    assert "already decided" in str(second)
    assert importer.find(draft.id).state is ImportState.WAITING


def test_an_approved_request_cannot_be_sent_back(importer: Importer, postgres: Postgres) -> None:
    require(importer)
    draft = importer.draft(requests_for(2))
    request = ask(importer, draft)

    def back() -> None:
        approving.send_back(importer.store, draft, request.id, who=LIN, reason="The wrong month.")

    yes, no = both_at_once(importer, postgres, request, approval(importer, draft, request, GRACE), back)
    assert yes is True
    assert "no longer waits" in str(no)
    assert asked(importer, draft).state is RequestState.APPROVED
    assert importer.find(draft.id).state is ImportState.QUEUED


def test_a_request_approved_at_the_last_moment_does_not_lapse(importer: Importer, postgres: Postgres) -> None:
    require(importer)
    draft = importer.draft(requests_for(2))
    request = ask(importer, draft)

    def lapse() -> None:
        lapse_approvals.lapse(importer.store, now=request.lapses_at + 1)

    yes, _ = both_at_once(importer, postgres, request, approval(importer, draft, request, GRACE), lapse)
    assert yes is True
    assert asked(importer, draft).state is RequestState.APPROVED
    assert "approval lapsed" not in importer.events(draft)


def test_approving_while_someone_withdraws_ends_withdrawn_and_says_so(
    importer: Importer, postgres: Postgres
) -> None:
    require(importer)
    draft = importer.draft(requests_for(2))
    request = ask(importer, draft)

    def away() -> None:
        approving.withdraw(importer.store, draft, request.id, who=ADA)

    yes, _ = both_at_once(importer, postgres, request, approval(importer, draft, request, GRACE), away)
    assert yes is True
    now = importer.find(draft.id)
    assert (now.state, now.paused_by) == (ImportState.PAUSED, PausedBy.APPROVAL)
    assert asked(importer, draft).state is RequestState.WITHDRAWN


def test_approving_while_someone_cancels_ends_canceled(importer: Importer, postgres: Postgres) -> None:
    require(importer)
    draft = importer.draft(requests_for(2))
    request = ask(importer, draft)

    def cancel() -> bool:
        with importer.store.write() as tx:
            return import_acts.cancel(tx, draft.number, who=GRACE)

    done = both_at_once(importer, postgres, request, approval(importer, draft, request, GRACE), cancel)
    assert done == [True, True]
    assert importer.find(draft.id).state is ImportState.CANCELLED
    assert "approval withdrawn" not in importer.events(draft)


@pytest.mark.parametrize(
    "how",
    [
        {"body": b"other", "approved_body": hashlib.sha256(b"other").digest()},
        {"approval": None},
    ],
    ids=["a row and its hash", "a row that is not of it"],
)
def test_a_body_changed_together_with_its_hash_cannot_be_approved(
    importer: Importer, how: dict[str, object]
) -> None:
    require(importer)
    draft = importer.draft(requests_for(2))
    request = ask(importer, draft)
    with importer.store.write() as tx:
        tx.execute(update(tables.rows).where(tables.rows.c.number == 2).values(**how))
    with pytest.raises(NotDecided, match="outside Balance Desk"):
        approving.approve(importer.store, draft, request.id, who=GRACE, typed="2")
    assert importer.find(draft.id).state is ImportState.WAITING
