"""What people are shown of an import on its way: nothing that asks for something nobody has to do."""

from dataclasses import replace

import pytest

from blnk_api.reports import progress_figures
from blnk_api.reports.progress_figures import ProgressReader, as_shown
from blnk_api.store import events
from blnk_api.store.events import EventKind
from blnk_api.store.sending import senders
from blnk_api.store.states import ImportState, PausedBy, RowState
from blnk_api.wording import about_activity, about_imports, about_progress
from tests.support.actors import actor
from tests.support.importer import WAIT_SECONDS, Importer, requests_for, wait_until
from tests.support.practice import PracticeBlnk
from tests.support.sending import assert_each_once

CALM = {"Queued", "Running", "Verifying", "Done"}


def test_an_import_that_loses_answers_is_running_until_it_is_done(
    practice_blnk: PracticeBlnk, importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Fifteen seconds of a machine with nothing else to do: what is short here may take longer on a busy one.
    monkeypatch.setattr(progress_figures, "WAITS_SECONDS", WAIT_SECONDS)
    practice_blnk.order_fault("drop_after_commit", percent=5, seed=1)
    practice_blnk.order_fault("drop_before_commit", percent=5, seed=2)
    practice_blnk.order_fault("status_before_commit", status=503, times=12, skip=60)
    importer.connect(requests_per_minute=6_000)
    draft = importer.draft(requests_for(200))
    importer.confirm(draft)
    importer.start()
    words: list[str] = []
    statuses: set[str] = set()

    def watched() -> bool:
        shown = ProgressReader().read(importer.store, draft.id).import_
        if not words or words[-1] != about_imports.state(shown):
            words.append(about_imports.state(shown))
        statuses.update(word for word, n in shown.statuses.items() if n)
        assert "Paused" not in about_progress.tab_title(shown)
        return shown.state is ImportState.DONE

    wait_until(watched, lambda: f"it is not done: {words}")
    done = importer.find(draft.id)
    paused = [what for what in importer.events(done) if what == "paused"]
    assert paused, "the circuit breaker opened, which is not to be seen"
    assert set(words) <= CALM
    assert len(words) == len(set(words)), "no word comes back"
    assert "Needs you" not in statuses
    assert_each_once(practice_blnk, importer, done)


def test_a_lasting_outage_is_reported_once_and_stays_while_rows_probe_whether_it_is_over(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    practice_blnk.order_fault("status_before_commit", status=503, skip=3)
    draft = importer.draft(requests_for(20))
    importer.confirm(draft)
    importer.start()

    def since() -> float | None:
        with importer.store.read() as tx:
            return senders.learned(tx, draft.instance_number).breaker_since

    begun = wait_until(since, lambda: "nobody noticed the outage")
    wait_until(
        lambda: importer.events(draft).count("paused") >= 3, lambda: "no row tried whether Blnk is back"
    )
    assert since() == begun
    for state, by in ((ImportState.PAUSED, PausedBy.BREAKER), (ImportState.RUNNING, None)):
        now = replace(importer.find(draft.id), state=state, paused_by=by)
        assert about_imports.state(as_shown(now, begun, begun + 5)) == "Running"
        assert about_imports.state(as_shown(now, begun, begun + 60)) == "Waiting for Blnk"
    practice_blnk.clear_faults()
    done = importer.wait_for(draft, ImportState.DONE)
    wait_until(lambda: since() is None, lambda: "the outage is not forgotten")
    assert_each_once(practice_blnk, importer, done)


def test_rows_that_are_only_checked_do_not_wait_for_blnk_once_it_answers(importer: Importer) -> None:
    draft = importer.draft(requests_for(1))
    importer.confirm(draft)
    running = replace(importer.find(draft.id), state=ImportState.RUNNING, counts={RowState.UNKNOWN: 1})
    for circuit, word in (("open", "Waiting for Blnk"), ("half open", "Running")):
        told: dict[str, str | float] = {"circuit": circuit, "reason": "503", "since": 1.0}
        with importer.store.write() as tx:
            senders.remember_learned(
                tx, draft.instance_number, per_minute=None, not_before=None, breaker=told
            )
        read = ProgressReader().read(importer.store, draft.id, known=running)
        assert about_imports.state(read.import_) == word
        held_up = about_progress.held_up(running)
        why = " ".join(about_progress.pace(read.learned, importer.connection, None, read.at, held_up=held_up))
        assert ("Every row was sent." in why) is (word == "Running")


def test_a_canceled_import_says_what_is_still_checked_and_its_result(importer: Importer) -> None:
    draft = importer.draft(requests_for(6))
    importer.confirm(draft)
    changed = {RowState.CREATED: 2, RowState.UNKNOWN: 3, RowState.READY: 1}
    importer.cancel(draft)
    now = replace(importer.find(draft.id), counts=changed, waiting_for_person=0)
    assert about_progress.ended(now) == (
        "Canceled: 2 balances created, 1 not sent, 3 still being checked in Blnk."
    )
    later = replace(now, waiting_for_person=1, counts={**changed, RowState.UNKNOWN: 1})
    assert about_progress.ended(later) == "Canceled: 2 balances created, 1 not sent, 1 needs you."


def test_checks_and_waits_are_summed_up_and_kept_one_by_one(importer: Importer) -> None:
    draft = importer.draft(requests_for(3))
    row = importer.rows(draft)[0].id
    with importer.store.write() as tx:
        for kind in (EventKind.FOUND, EventKind.ABSENT, EventKind.ABSENT):
            events.note(tx, draft.number, who=actor("the sender"), what=kind, row=row)
        detail = events.Particulars(by=PausedBy.BREAKER, reason="503")
        events.note(tx, draft.number, who=actor("the sender"), what=EventKind.PAUSED, detail=detail)
        events.note(tx, draft.number, who=actor(), what=EventKind.CONFIRMED)
    with importer.store.read() as tx:
        told = events.of_import(tx, draft.number, routine=False)
        each = events.of_import(tx, draft.number, routine=True)
        summed_up = about_activity.summed_up(events.routine_of(tx, draft.number))
    assert [one.what for one in told] == ["confirmed", "uploaded"]
    assert len(each) == 4
    assert summed_up == [
        "1 row without a clear answer was found in Blnk; 2 were not there and could be sent again.",
        "Sending waited for Blnk once and continued automatically.",
    ]
