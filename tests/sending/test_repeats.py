"""A read creates nothing, so one that Blnk did not answer is repeated; a check continues where it was."""

import asyncio
from typing import Any

import pytest

from blnk_api import errors
from blnk_api.blnk.replies import Request
from blnk_api.blnk.retries import wait_seconds
from blnk_api.client import BlnkClient
from blnk_api.drafts import existence_check
from blnk_api.drafts.existence_check import look_draft_up
from blnk_api.facts.findings import Findings
from blnk_api.lookup.looker import Looker
from blnk_api.models import BalanceRequest
from blnk_api.store import import_changes
from blnk_api.store.async_store import AsyncStore
from blnk_api.store.states import RowState, Stage
from tests.support.command_line import Commands
from tests.support.connections import connection_of
from tests.support.importer import LEDGER, Importer, requests_for
from tests.support.json_object import JsonObject
from tests.support.lookup import Asked
from tests.support.practice import PracticeBlnk

NO_ANSWER: list[tuple[str, JsonObject]] = [
    *(("status_before_commit", {"status": status}) for status in (500, 502, 503, 504, 408)),
    ("status_before_commit", {"status": 502, "answer": "html"}),
    ("drop_before_commit", {}),
    ("truncated_201", {}),
    ("html_200", {}),
    ("hang", {}),
]


@pytest.fixture
def blnk(practice_blnk: PracticeBlnk) -> PracticeBlnk:
    return practice_blnk


@pytest.mark.parametrize(
    "failed",
    [
        errors.NotConnected("no"),
        errors.ReadFailed("no answer"),
        errors.ReadFailed("a page of a gateway", status=200),
        *(errors.ReadFailed("no", status=status) for status in (408, 500, 502, 503, 504, 599)),
    ],
)
def test_a_temporary_failure_is_repeated_later_and_later_and_not_forever(failed: errors.BlnkError) -> None:
    assert [wait_seconds(failed, n, first_seconds=1.0) for n in range(1, 6)] == [1.0, 2.0, 4.0, None, None]


@pytest.mark.parametrize(
    "said",
    [
        errors.NotFound("no such balance", status=404),
        errors.AccessDenied("who are you", status=401),
        errors.AccessDenied("not you", status=403),
        errors.RateLimited("slow down", retry_after_seconds=1),
        errors.ReadFailed("no such field", status=400),
        errors.ReadFailed("elsewhere", status=302),
        errors.MaybeCreated("who knows"),
        errors.Refused("no", status=400),
    ],
)
def test_what_blnk_answered_is_not_repeated(said: errors.BlnkError) -> None:
    assert wait_seconds(said, 1) is None


def test_a_503_that_names_a_wait_is_waited_for() -> None:
    busy = errors.ReadFailed("later", status=503, retry_after_seconds=7.0)
    assert wait_seconds(busy, 1, first_seconds=1.0) == 7.0


@pytest.mark.parametrize(("kind", "fields"), NO_ANSWER)
def test_an_unanswered_read_of_a_page_is_repeated(blnk: PracticeBlnk, kind: str, fields: JsonObject) -> None:
    waited: list[float] = []
    blnk.order_fault(kind, on="read", times=3, **fields)
    with BlnkClient(connection_of(blnk, timeout=0.3), sleep=waited.append, read_again_seconds=1) as client:
        assert len(client.list_ledgers()) == 4
    assert waited == [1.0, 2.0, 4.0]


def test_a_page_does_not_wait_longer_than_a_person_would(blnk: PracticeBlnk) -> None:
    blnk.order_fault("status_before_commit", status=500, on="read", times=2)
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    impatient = BlnkClient(
        connection_of(blnk), sleep=sleep, clock=lambda: now, read_again_seconds=3, patience_seconds=5
    )
    with impatient as client, pytest.raises(errors.ReadFailed):
        client.list_ledgers()
    assert now == 3.0


@pytest.mark.parametrize(("kind", "fields"), NO_ANSWER)
def test_a_post_is_never_repeated(blnk: PracticeBlnk, kind: str, fields: JsonObject) -> None:
    blnk.order_fault(kind, on="create", **fields)
    with (
        BlnkClient(connection_of(blnk, timeout=0.3), sleep=lambda _: None) as client,
        pytest.raises(errors.MaybeCreated),
    ):
        client.create_balance(BalanceRequest(ledger_id=LEDGER, currency="USD"))
    assert blnk.requests()["by_kind"]["create"] == 1


@pytest.mark.parametrize(("kind", "fields"), NO_ANSWER)
def test_an_import_is_checked_sent_and_verified_although_reads_fail(
    practice_blnk: PracticeBlnk, importer: Importer, kind: str, fields: JsonObject
) -> None:
    importer.hurry()
    practice_blnk.order_fault(kind, on="read", times=3, **fields)
    made = importer.run(requests_for(3))
    assert (made.findings or Findings()).clean
    assert importer.states(made) == [RowState.CREATED] * 3
    assert importer.events(made).count("paused") == 0
    assert len(practice_blnk.refs()) == 3


def test_a_check_continues_where_it_was(
    practice_blnk: PracticeBlnk, importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The third list of refs is not answered ten times: it is asked again, and none of the others is."""
    monkeypatch.setattr(existence_check, "_ASK_AGAIN_SECONDS", 0.01)
    draft = importer.draft(requests_for(350))
    with importer.store.write() as tx:
        import_changes.set_facts(tx, draft.number, stage=Stage.LOOKING)
    asked = Asked(practice_blnk)
    failures = iter(range(10))

    async def ask(request: Request) -> Any:
        if len(asked.requests) == 2 and next(failures, None) is not None:
            raise errors.ReadFailed("no", status=502)
        return await asked(request)

    async def check() -> None:
        thread = AsyncStore(importer.store)
        try:
            looker = Looker(ask, practice_blnk.instance_id)
            await look_draft_up(thread, looker, importer.find(draft.id), importer.settings)
        finally:
            thread.close()

    asyncio.run(check())
    checked = importer.find(draft.id)
    assert (checked.stage, checked.problem) == (Stage.CHECKED, None)
    assert next(failures, None) is None
    assert len({one.body for one in asked.requests}) == len(asked.requests) >= 4


def test_a_command_that_gets_no_answer_to_its_check_says_what_to_do(
    practice_blnk: PracticeBlnk, importer: Importer, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLNK_WAIT_CHECK_ANSWERS", "0.1")
    for on in ("get", "filter"):
        practice_blnk.clear_faults()
        practice_blnk.order_fault("status_before_commit", on="read" if on == "get" else "filter", status=500)
        ended = commands.call("import", commands.file(3), "--yes")
        assert ended.code == 4
        assert "Blnk did not answer the check: Practice was told to fail" in ended.err
        assert "Nothing was sent. Run the same command again later." in ended.err
        assert "automatically" not in ended.err
    assert practice_blnk.balances() == []
    practice_blnk.clear_faults()
    assert commands.call("import", commands.file(3), "--yes").code == 0


def test_rejected_credentials_end_a_commands_check_at_once(
    practice_blnk: PracticeBlnk, importer: Importer, commands: Commands
) -> None:
    practice_blnk.order_fault("revoke", on="filter", skip=1)
    ended = commands.call("import", commands.file(3), "--yes")
    assert ended.code == 4
    assert "Blnk rejected the credentials" in ended.err
    assert practice_blnk.requests()["by_status"]["401"] <= 4
