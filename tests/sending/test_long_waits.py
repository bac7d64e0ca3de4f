"""Blnk asks for a wait of hours, of a request that left before a person resumed the import."""

import threading
from collections.abc import Iterator

import pytest

from blnk_api.store.states import ImportState, RowState
from tests.support.faulty_proxy import Between, Reply, Sent
from tests.support.importer import WAIT_SECONDS, Importer, requests_for, wait_until
from tests.support.practice import PracticeBlnk


@pytest.fixture
def between(practice_blnk: PracticeBlnk, importer: Importer) -> Iterator[Between]:
    with Between(practice_blnk) as between:
        importer.connect(base_url=between.url)
        yield between


def test_an_answer_to_an_earlier_request_does_not_pause_an_import_resumed_since(
    importer: Importer, between: Between, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever resumed it knew more than that answer, and would have to resume it a second time."""
    monkeypatch.setenv("BLNK_WAIT_RETRY_AFTER_MOST", "0.2")
    has_arrived, may_be_answered = threading.Event(), threading.Event()

    def hold(sent: Sent) -> Reply | None:
        if sent.customer != "9" or has_arrived.is_set():
            return None
        has_arrived.set()
        assert may_be_answered.wait(WAIT_SECONDS)
        return sent.answer(429, b"", Retry_After="999999999")

    between.on_create = hold
    draft = importer.draft(requests_for(20))
    importer.confirm(draft)
    importer.start()
    assert has_arrived.wait(WAIT_SECONDS)
    importer.pause(draft)
    wait_until(lambda: importer.lane(draft).runs_since is None, lambda: "the sender sees no pause")
    importer.resume(draft)
    wait_until(lambda: importer.lane(draft).runs_since is not None, lambda: "the sender does not go on")
    may_be_answered.set()
    now = importer.wait_for(draft, ImportState.DONE, ImportState.PAUSED)
    assert (now.state, now.paused_reason) == (ImportState.DONE, None)
    assert importer.counts(now) == {RowState.CREATED: 20}
    assert importer.events(draft).count("paused") == 1, "a person's, and no other"
