"""Two desks on one Blnk, each with a database of its own: a second balance of a row is noticed at once."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from sqlalchemy import select

from blnk_api.client import BlnkClient
from blnk_api.desk import other_desks_today
from blnk_api.facts.findings import Findings, RowFinding
from blnk_api.lookup.looker import read_balances
from blnk_api.models import Balance
from blnk_api.sending import other_desks
from blnk_api.sending.late_lookups import name_duplicates
from blnk_api.store import Store, events, tables
from blnk_api.store.events import EventKind
from blnk_api.store.imports import Import
from blnk_api.store.sending import claims, late_records
from blnk_api.store.sending.foreign_balances import strangers
from blnk_api.store.sending.late_records import Due
from blnk_api.store.states import ImportState, PausedBy, RowState
from tests.support.command_line import Commands
from tests.support.faulty_proxy import Between, Sent
from tests.support.importer import BOTH_DATABASES, LEDGER, Importer, requests_for, wait_until
from tests.support.lookup import balance
from tests.support.pages import said, visit
from tests.support.practice import PracticeBlnk
from tests.support.sending import asked, create_count
from tests.support.store import ELSEWHERE, claim, created, events_of, ids_of, record, result, rows_of, running

ENDED = (ImportState.DONE, ImportState.PAUSED)
CSV = f"ledger_id,currency,customer\n{LEDGER},NGN,c-1\n"


@pytest.fixture
def between(practice_blnk: PracticeBlnk) -> Iterator[Between]:
    with Between(practice_blnk) as between:
        yield between


@pytest.fixture
def other(
    between: Between, importer: Importer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Importer]:
    """Another desk, with a data folder of its own, on the same Blnk; both send. From now on the environment
    is the other one's."""
    importer.connect(base_url=between.url, request_timeout_seconds=40)
    importer.start_process()
    folder = tmp_path / "other"
    url = f"sqlite:///{folder / 'journal.db'}"
    with Importer(between.blnk, folder, monkeypatch, database_url=url) as made:
        made.connect(base_url=between.url, request_timeout_seconds=40)
        made.start_process()
        yield made


def twins(blnk: PracticeBlnk) -> dict[str, set[str]]:
    """Refs that Blnk holds more than once, with the balances."""
    held: dict[str, set[str]] = {}
    for one in blnk.balances():
        held.setdefault(one["meta_data"]["import_ref"], set()).add(one["balance_id"])
    return {ref: ids for ref, ids in held.items() if len(ids) > 1}


def named(importer: Importer, import_: Import) -> set[str]:
    """The ids that a desk tells of rows with two balances."""
    now = importer.find(import_.id)
    with importer.store.read() as tx:
        seconds = events.of_kinds(tx, now.number, [EventKind.SECOND_BALANCE])
    told = {id for one in seconds for id in one.detail.ids}
    return told | {id for one in (now.findings or Findings()).twins for id in one.ids}


@pytest.mark.parametrize("rows", [301, 8])
def test_two_desks_that_start_at_the_same_moment_create_at_most_six_balances_twice_and_name_them(
    practice_blnk: PracticeBlnk, importer: Importer, between: Between, other: Importer, rows: int
) -> None:
    """Each has looked its rows up and found nothing when the first row of either arrives."""
    both = threading.Barrier(2)

    def together(sent: Sent) -> None:
        if sent.customer == "0":
            both.wait(180)

    between.on_create = together
    desks = [(one, one.draft(requests_for(rows))) for one in (importer, other)]
    for desk, draft in desks:
        desk.confirm(draft)
    ended = [desk.wait_for(draft, *ENDED) for desk, draft in desks]
    assert ImportState.PAUSED in [one.state for one in ended]
    for (desk, _), now in zip(desks, ended, strict=True):
        if now.state is ImportState.PAUSED:
            assert now.paused_by is PausedBy.DESK
            assert (now.paused_reason or "").startswith(
                "Another Balance Desk seems to be creating the same rows"
            )
            desk.resume(now)  # a person knows that nobody else imports these rows anymore
            assert desk.wait_for(now, *ENDED).state is ImportState.DONE
    assert len(set(practice_blnk.refs())) == rows
    found = twins(practice_blnk)
    assert 1 <= len(found) <= 6
    told = {id for desk, draft in desks for id in named(desk, draft)}
    assert set().union(*found.values()) == told
    for desk, draft in desks:
        states = Counter(desk.states(draft))
        assert states[RowState.CREATED] + states[RowState.EXISTS] == rows


def made_elsewhere(blnk: PracticeBlnk, importer: Importer, import_: Import, at: int, **stamps: str) -> str:
    """A balance of a row of this import that this desk did not make."""
    row = importer.rows(import_)[at]
    meta = {"customer": str(at), "import_ref": row.ref, "import_id": "imp_elsewhere", **stamps}
    held = blnk.create_balance(ledger_id=LEDGER, currency="NGN", meta_data=meta)
    return str(held["balance_id"])


def paused_because_of(importer: Importer, import_: Import, balance_id: str) -> None:
    now = importer.wait_for(import_, ImportState.PAUSED)
    assert now.paused_by is PausedBy.DESK
    assert balance_id in (now.paused_reason or "")


def test_a_desk_that_creates_later_rows_of_an_import_under_way_pauses_it_and_its_rows_already_existed(
    practice_blnk: PracticeBlnk, importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(other_desks, "LEAST_SECONDS", 0.05)
    importer.connect(requests_per_minute=1200)
    draft = importer.begin(requests_for(300), created=10)
    made = made_elsewhere(practice_blnk, importer, draft, 299)
    paused_because_of(importer, draft, made)
    importer.connect()
    assert importer.rows(draft)[299].state is RowState.READY
    importer.resume(draft)
    done = importer.wait_for(draft, ImportState.DONE)
    states = importer.states(done)
    assert states[299] is RowState.EXISTS
    assert Counter(states) == {RowState.CREATED: 299, RowState.EXISTS: 1}
    assert len(practice_blnk.refs()) == len(set(practice_blnk.refs())) == 300


def test_an_import_paused_because_of_another_desk_starts_with_one_row_again_whenever_the_sender_ends(
    practice_blnk: PracticeBlnk, importer: Importer, between: Between, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends while a row that was sent before is still without its answer."""
    monkeypatch.setattr(other_desks, "LEAST_SECONDS", 0.05)
    importer.connect(base_url=between.url, requests_per_minute=1200)
    answers = threading.Event()

    def held(sent: Sent) -> None:
        if sent.customer == "20":
            made.append(made_elsewhere(practice_blnk, importer, draft, 299))
            answers.wait(180)

    made: list[str] = []
    draft = importer.draft(requests_for(300))
    between.on_create = held
    importer.confirm(draft)
    importer.start()
    importer.wait_for(draft, ImportState.PAUSED)
    assert not answers.is_set()
    assert importer.find(draft.id).ramp == 0
    answers.set()
    paused_because_of(importer, draft, made[0])


def test_what_was_asked_before_another_desk_was_met_does_not_let_all_rows_go(
    practice_blnk: PracticeBlnk, importer: Importer, between: Between
) -> None:
    """The first five rows are being looked up while a look at later rows shows the other desk's balance."""
    importer.connect(base_url=between.url)
    draft = importer.draft(requests_for(300))
    of_the_five, of_later_rows = threading.Event(), threading.Event()
    five_are_asked = threading.Event()
    ref = (importer.rows(draft)[250].ref or "").encode()

    def held(sent: Sent) -> None:
        if ref in sent.body:
            of_later_rows.wait(180)
        elif b'"desc"' in sent.body and create_count(practice_blnk) == 6:
            five_are_asked.set()
            of_the_five.wait(180)

    between.on_read = held
    importer.confirm(draft)
    importer.start()
    wait_until(five_are_asked.is_set, lambda: "the first rows are not looked up")
    made = made_elsewhere(practice_blnk, importer, draft, 250)
    of_later_rows.set()
    paused_because_of(importer, draft, made)
    lane = importer.lane(draft)
    wait_until(lambda: not lane.restarts, lambda: "rows with two balances are not looked for")
    of_the_five.set()
    wait_until(lambda: not lane.is_confirming_few, lambda: "the first rows are not judged")
    assert (lane.ramp, importer.find(draft.id).ramp) == (0, 0)
    assert importer.counts(draft)[RowState.CREATED] == 6


def test_a_copy_of_this_desk_is_another_desk_though_it_has_the_same_imports(
    practice_blnk: PracticeBlnk, importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(other_desks, "LEAST_SECONDS", 0.05)
    importer.connect(requests_per_minute=1200)
    draft = importer.begin(requests_for(300), created=10)
    made = made_elsewhere(practice_blnk, importer, draft, 299, import_id=draft.id)
    paused_because_of(importer, draft, made)


def test_a_second_balance_of_the_first_row_is_seen_before_another_row_leaves(
    practice_blnk: PracticeBlnk, importer: Importer, between: Between
) -> None:
    """Made between the look before it was sent and its POST."""
    importer.connect(base_url=between.url)
    draft = importer.draft(requests_for(50))
    made: list[str] = []

    def first(sent: Sent) -> None:
        if not made:
            made.append(made_elsewhere(practice_blnk, importer, draft, 0))

    between.on_create = first
    importer.confirm(draft)
    importer.start()
    importer.wait_for(draft, ImportState.PAUSED)
    paused_because_of(importer, draft, made[0])
    wait_until(lambda: made[0] in named(importer, draft), lambda: "the row is not named")
    assert importer.counts(draft) == {RowState.CREATED: 1, RowState.READY: 49}
    assert len(practice_blnk.balances()) == 2


def owed(store: Store, *, later: float) -> list[Due]:
    """The look-ups for duplicates that are due by then. This Blnk settles within a minute."""
    with store.read() as tx:
        now = time.time() + later
        return late_records.due_for_duplicates(tx, 1, now, settle_seconds=60.0, limit=1_000)


def sent_first(store: Store, n: int = 1) -> Import:
    """An import whose rows were all created, and which began with them."""
    made = running(store, n)
    ids = ids_of(store, made)
    with store.write() as tx:
        claimed = claims.claim(tx, made.number, dict.fromkeys(ids, 0), first=ids)
    record(store, made, *(created(claimed, id, f"bln_{at}") for at, id in enumerate(ids)))
    return made


def shown(store: Store, made: Import, *ids: str, later: float) -> None:
    """The look-up that is due by then is answered with these balances of the first row."""
    ref = rows_of(store, made)[0].ref or ""
    found = read_balances([balance(ref, id, import_id="imp_elsewhere") for id in ids])
    with store.write() as tx:
        due = late_records.due_for_duplicates(tx, 1, time.time() + later, settle_seconds=60.0, limit=1_000)
        assert due
        name_duplicates(tx, made.number, due, {ref: found}, at=time.time() + later, settle_seconds=60.0)


def test_the_first_rows_are_looked_up_once_more_after_ten_settle_times_and_then_never_again(
    store: Store,
) -> None:
    made = sent_first(store, 3)
    assert owed(store, later=599.0) == []
    assert [one.row for one in owed(store, later=661.0)] == ids_of(store, made)
    (first, *_) = rows_of(store, made)
    ref = first.ref or ""
    own = {
        row.ref or "": read_balances([balance(row.ref or "", row.balance_id or "")])
        for row in rows_of(store, made)
    }
    own[ref] += read_balances([balance(ref, "bln_theirs", import_id="imp_elsewhere")])
    with store.write() as tx:
        name_duplicates(
            tx, made.number, owed(store, later=661.0), own, at=time.time() + 661.0, settle_seconds=60.0
        )
    seconds = [
        (what, detail["balance_ids"]) for what, detail in events_of(store, made) if "balance_ids" in detail
    ]
    assert seconds == [("second balance", ["bln_0", "bln_theirs"])]
    assert owed(store, later=1_000_000.0) == []
    with store.read() as tx:
        assert late_records.of_import(tx, made.number).open == 0, (
            "nothing is said of a look that finds nothing"
        )


def test_a_look_that_does_not_show_a_rows_own_balance_is_repeated_for_a_day_and_no_longer(
    store: Store,
) -> None:
    made = sent_first(store)
    shown(store, made, "bln_theirs", later=661.0)
    assert owed(store, later=3_599.0) == []
    shown(store, made, later=3_661.0)
    assert owed(store, later=86_399.0) == []
    shown(store, made, later=86_461.0)
    assert owed(store, later=1_000_000.0) == []
    assert "second balance" not in [what for what, _ in events_of(store, made)]


def test_a_row_that_was_not_created_is_no_duplicate_of_another_desks(store: Store) -> None:
    made = running(store, 2)
    one, other = ids_of(store, made)
    with store.write() as tx:
        claimed = claims.claim(tx, made.number, {one: 0, other: 0}, first=[one, other])
    record(store, made, result(claimed, one, RowState.READY), result(claimed, other, RowState.REFUSED))
    shown(store, made, "bln_theirs", later=661.0)
    assert "second balance" not in [what for what, _ in events_of(store, made)]
    assert [due.row for due in owed(store, later=4_000.0)] == [one], "it may still be created"


@pytest.mark.parametrize("importer", BOTH_DATABASES, indirect=True)
def test_a_balance_that_another_desk_made_at_the_same_moment_unseen_is_named_later(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    """Blnk showed it to nobody until both had verified their rows. The sender was off meanwhile."""
    importer.connect(requests_per_minute=60_000)
    done = importer.run(requests_for(120))
    assert (done.findings or Findings()).clean
    importer.stop()
    with importer.store.read() as tx:
        assert len(tx.execute(select(tables.duplicate_looks)).all()) == 99, "one request looks these up"
    made = made_elsewhere(practice_blnk, importer, done, 40)
    practice_blnk.forget_requests()
    importer.later_seconds = 1_200
    importer.start()
    wait_until(lambda: made in named(importer, done), lambda: "the row is not named")
    now = importer.find(done.id)
    row = importer.rows(done)[40]
    assert (now.findings or Findings()).twins == [
        RowFinding(row=row.number, ids=[row.balance_id or "", made])
    ]
    assert now.state is ImportState.DONE
    # With the second balance the page is full, so it is requested again in halves.
    assert len(asked(practice_blnk, "filter")) == 3
    assert create_count(practice_blnk) == 0


def test_an_old_balance_from_a_lost_database_pauses_nothing(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    draft = importer.draft(requests_for(30))
    for at in (0, 3, 20):
        made_elsewhere(practice_blnk, importer, draft, at)
    importer.confirm(draft)
    importer.start()
    done = importer.wait_for(draft, *ENDED)
    assert done.state is ImportState.DONE
    assert importer.counts(done) == {RowState.CREATED: 27, RowState.EXISTS: 3}


def test_an_attempt_that_blnk_carried_out_late_is_no_other_desk(store: Store) -> None:
    """It was sent twice, and so may be there twice; a third one cannot be ours."""
    made = running(store, 1)
    claimed = claim(store, made)
    (row,) = claimed.tries
    record(store, made, result(claimed, row, RowState.READY))
    record(store, made, created(claim(store, made), row, "bln_1"))
    (ref,) = [one.ref for one in rows_of(store, made)]

    def met(*ids: str, by: str = made.id) -> list[str]:
        stamps = {"import_ref": ref, "import_id": by}
        same = {"ledger_id": LEDGER, "currency": "NGN", "meta_data": stamps}
        balances = [Balance.model_validate({"balance_id": id, **same}) for id in ids]
        with store.read() as tx:
            found = strangers(tx, made.number, made.id, balances)
        return [one.balance_id for one in found]

    assert met("bln_1") == []
    assert met("bln_1", "bln_2") == []
    assert met("bln_1", "bln_2", "bln_3") == ["bln_2", "bln_3"]
    assert met("bln_9", by="imp_elsewhere") == ["bln_9"]
    assert met("bln_9", by=running(store, 1, instance=ELSEWHERE).id) == []


def test_before_sending_it_says_that_another_desk_created_balances_here_today(
    practice_blnk: PracticeBlnk, importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = {"connection": "here", "import": importer.upload(CSV).id}
    told = "in the last 24 hours, most recently on"
    assert told not in said(visit("import_file.py", **page))
    draft = importer.draft(requests_for(4))
    for at in range(3):
        made_elsewhere(practice_blnk, importer, draft, at)
    made_elsewhere(practice_blnk, importer, draft, 3, import_id=draft.id)
    st.cache_data.clear()
    assert f"Another Balance Desk created 3 balances in this instance {told}" in said(
        visit("import_file.py", **page)
    )
    monkeypatch.setattr(other_desks_today, "PAGE_LIMIT", 1)
    monkeypatch.setattr(other_desks_today, "_MOST_PAGES", 1)
    with BlnkClient(importer.connection) as client:
        found = other_desks_today.others_today(importer.store, client)
    assert found is not None
    assert found.is_at_least


def test_a_command_says_it_too(practice_blnk: PracticeBlnk, importer: Importer, commands: Commands) -> None:
    stamps = {"import_ref": "v1-elsewhere-0", "import_id": "imp_elsewhere"}
    practice_blnk.create_balance(ledger_id=LEDGER, currency="USD", meta_data=stamps)
    ended = commands.call("import", commands.file(1), "--yes")
    assert ended.code == 0
    assert "Another Balance Desk created 1 balance in this instance in the last 24 hours" in ended.out


def test_blnk_without_its_newest_balances_delays_nobody(
    practice_blnk: PracticeBlnk, importer: Importer, between: Between
) -> None:
    """The rows that were sent are looked up by their names all the same."""
    importer.connect(base_url=between.url)
    between.on_read = lambda sent: sent.answer(400, b'{"error":"no"}') if b'"desc"' in sent.body else None
    done = importer.run(requests_for(20))
    assert importer.counts(done) == {RowState.CREATED: 20}
