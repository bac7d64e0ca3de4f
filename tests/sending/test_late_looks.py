"""Blnk may carry a request out hours after we had every reason to think it lost: it is found and named."""

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, cast

import orjson
import pytest
from sqlalchemy import update

from blnk_api.facts.findings import Findings, RowFinding
from blnk_api.lookup.looker import read_balances
from blnk_api.models import Balance
from blnk_api.reports.receipts import contents_of
from blnk_api.review import actions
from blnk_api.sending.in_doubt import ownership
from blnk_api.sending.late_lookups import settle_late
from blnk_api.store import Store, import_changes, imports, tables
from blnk_api.store.imports import Import
from blnk_api.store.people import receipt_records
from blnk_api.store.rows import StoredRow
from blnk_api.store.sending import late_records, rows_in_doubt
from blnk_api.store.sending.late_records import Due, next_after, waits
from blnk_api.store.states import ImportState, RowState
from blnk_api.wording import about_findings
from tests.support.actors import actor
from tests.support.command_line import Commands
from tests.support.faulty_proxy import Between, Reply, Sent
from tests.support.importer import BOTH_DATABASES, LEDGER, Importer, requests_for, wait_until
from tests.support.json_object import JsonObject
from tests.support.lookup import balance
from tests.support.practice import PracticeBlnk
from tests.support.store import (
    claim,
    created,
    events_of,
    found_absent,
    ids_of,
    record,
    result,
    rows_of,
    running,
)

if TYPE_CHECKING:
    from blnk_api.client import BlnkClient

on_both_databases = pytest.mark.parametrize("importer", BOTH_DATABASES, indirect=True)
HOUR, DAY = 3_600.0, 86_400.0


# When


def test_look_ups_follow_after_ten_settle_times_an_hour_and_a_day() -> None:
    assert waits(60.0) == [600.0, 3_600.0, 86_400.0]
    assert waits(1_200.0) == [3_600.0, 12_000.0, 86_400.0], "in their order, however slow Blnk is"


@pytest.mark.parametrize(
    ("looked_after", "next_after_seconds"),
    [(600.0, 3_600.0), (601.0, 3_600.0), (3_600.0, 86_400.0), (50_000.0, 86_400.0), (86_400.0, None)],
)
def test_an_overdue_look_up_counts_for_all_before_it(
    looked_after: float, next_after_seconds: float | None
) -> None:
    then = next_after(1_000.0, 1_000.0 + looked_after, 60.0)
    assert then == (None if next_after_seconds is None else 1_000.0 + next_after_seconds)


# Who


def lost(store: Store, n: int = 1) -> Import:
    """An import whose rows were sent, and no answer came back."""
    made = running(store, n)
    claimed = claim(store, made)
    record(store, made, *(result(claimed, row, RowState.UNKNOWN, status=504) for row in claimed.tries))
    return made


def all_due(store: Store, *, later: float = 10 * DAY, limit: int = 1_000) -> list[Due]:
    with store.read() as tx:
        return late_records.due(tx, 1, time.time() + later, limit=limit)


def absent(store: Store, made: Import) -> None:
    assert found_absent(store, made) is RowState.READY


def refused_after_5xx(store: Store, made: Import) -> None:
    with store.write() as tx:
        tx.execute(update(tables.rows).values(server_error=500, server_errors=3))
    assert found_absent(store, made) is RowState.REFUSED


def refused_after_409(store: Store, made: Import) -> None:
    with store.write() as tx:
        tx.execute(update(tables.attempts).values(status=409))
    assert found_absent(store, made) is RowState.REFUSED


def left_to_a_person(store: Store, made: Import) -> None:
    with store.write() as tx:
        rows_in_doubt.wait_for_person(tx, ids_of(store, made), message="Nobody can vouch for it.")


def sent_again_by_a_person(store: Store, made: Import) -> None:
    assert actions.send_again(store, ids_of(store, made)[0], who=actor())


def another_desks(ref: str) -> list[Balance]:
    """What another desk made of the same row."""
    stamps = {"import_id": "imp_elsewhere", "customer": "0"}
    return read_balances([balance(ref, "bln_elsewhere", **stamps)])


def found_as_another_desks(store: Store, made: Import) -> None:
    with store.write() as tx:
        (row,) = rows_in_doubt.unknown_rows(tx, [made.number])
        ownership.was_found(tx, made.id, row, another_desks(row.ref))


def linked_by_a_person(store: Store, made: Import) -> None:
    (row,) = rows_of(store, made)
    (theirs,) = another_desks(row.ref or "")

    class Client:
        def get_balance(self, _: str) -> Balance:
            return theirs

    client = cast("BlnkClient", Client())
    assert actions.link_balance(store, client, row.id, theirs.balance_id, who=actor())


NOT_CREATED = [
    absent,
    refused_after_5xx,
    refused_after_409,
    left_to_a_person,
    sent_again_by_a_person,
    found_as_another_desks,
    linked_by_a_person,
]


@pytest.mark.parametrize("call_it", NOT_CREATED)
def test_a_row_called_not_created_after_it_left_is_owed_look_ups(
    store: Store, call_it: Callable[[Store, Import], None]
) -> None:
    made = lost(store)
    assert all_due(store) == []
    before = time.time()
    call_it(store, made)
    (row,) = rows_of(store, made)
    (one,) = all_due(store)
    assert (one.row, one.ref, one.import_) == (row.id, row.ref, made.number)
    assert before <= one.since <= time.time()
    assert all_due(store, later=590.0) == [], "nobody has said how long this Blnk takes: a minute, ten times"
    assert len(all_due(store, later=601.0)) == 1


def test_nothing_is_owed_if_blnk_proved_that_nothing_was_created(store: Store) -> None:
    made = running(store, 3)
    claimed = claim(store, made)
    one, other, third = claimed.tries
    record(
        store,
        made,
        result(claimed, one, RowState.REFUSED, status=400),
        result(claimed, other, RowState.READY, status=429),
        created(claimed, third, "bln_1"),
    )
    assert all_due(store) == []


def test_a_row_that_is_lost_once_more_restarts(store: Store) -> None:
    made = lost(store)
    absent(store, made)
    (one,) = all_due(store)
    with store.write() as tx:
        late_records.looked(tx, {one: None}, at=one.since + DAY)
    assert all_due(store) == []
    claimed = claim(store, made)
    record(store, made, *(result(claimed, row, RowState.UNKNOWN) for row in claimed.tries))
    absent(store, made)
    (again,) = all_due(store)
    assert again.since > one.since
    with store.write() as tx:
        late_records.looked(tx, {one: None}, at=one.since + DAY)
    assert all_due(store) == [again], "what was learned of the earlier attempt says nothing of this one"


# What is found


def held(row: StoredRow, *ids: str, by: str = "imp_another") -> Mapping[str, list[Balance]]:
    told = [
        balance(row.ref or "", id, f"2026-01-0{at}T00:00:00Z", import_id=by) for at, id in enumerate(ids, 1)
    ]
    return {row.ref or "": read_balances(told)}


def look(
    store: Store, made: Import, found: Mapping[str, list[Balance]], *, after: float = DAY + HOUR
) -> None:
    """Every look of the import that is due then, answered with these."""
    with store.write() as tx:
        due = [
            one
            for one in late_records.due(tx, 1, time.time() + after, limit=1_000)
            if one.import_ == made.number
        ]
        assert due
        settle_late(tx, made.number, due, found, at=time.time() + after, settle_seconds=60.0)


def told(store: Store, made: Import) -> list[str]:
    with store.read() as tx:
        return about_findings.became_known(tx, imports.by_number(tx, made.number))


def finished(store: Store, made: Import, state: ImportState = ImportState.DONE) -> None:
    """As if it were over; a comparison found it clean, where it was compared."""
    findings = Findings(checked=True, clean=True)
    with store.write() as tx:
        tx.execute(
            update(tables.imports)
            .where(tables.imports.c.number == made.number)
            .values(state=state, has_sent=True, finished_at=time.time())
        )
        if state is ImportState.DONE:
            import_changes.set_facts(tx, made.number, findings=findings)


@pytest.mark.parametrize("state", [ImportState.DONE, ImportState.CANCELLED])
def test_a_second_balance_is_named_once_with_all_ids(store: Store, state: ImportState) -> None:
    made = lost(store)
    absent(store, made)
    claimed = claim(store, made)
    record(store, made, *(created(claimed, row, "bln_2") for row in claimed.tries))
    finished(store, made, state)
    (row,) = rows_of(store, made)
    look(store, made, held(row, "bln_1", "bln_2", by=made.id), after=600.0)
    look(store, made, held(row, "bln_1", "bln_2", by=made.id))
    seconds = [detail for what, detail in events_of(store, made) if what == "second balance"]
    assert [one["balance_ids"] for one in seconds] == [["bln_2", "bln_1"]]
    with store.read() as tx:
        now = imports.by_number(tx, made.number)
        sentences = contents_of(tx, now)["findings"]
    (sentence,) = (one for one in sentences if "two balances" in one)
    assert "bln_1" in sentence
    assert "bln_2" in sentence
    if state is ImportState.DONE:
        assert now.findings is not None
        assert not now.findings.clean
        assert now.findings.twins == [RowFinding(row=row.number, ids=["bln_2", "bln_1"])]


@pytest.mark.parametrize("call_it", [found_as_another_desks, linked_by_a_person])
def test_a_balance_created_after_another_desks_was_found_for_its_row_is_named(
    store: Store, call_it: Callable[[Store, Import], None]
) -> None:
    made = lost(store)
    call_it(store, made)
    finished(store, made)
    (row,) = rows_of(store, made)
    ref = row.ref or ""
    look(store, made, {ref: another_desks(ref)}, after=600.0)
    assert told(store, made) == []
    look(store, made, {ref: [*another_desks(ref), *held(row, "bln_late", by=made.id)[ref]]})
    with store.read() as tx:
        now = imports.by_number(tx, made.number)
    assert (now.findings or Findings()).twins == [
        RowFinding(row=row.number, ids=["bln_elsewhere", "bln_late"])
    ]


def test_a_row_with_its_one_balance_is_not_reported(store: Store) -> None:
    made = lost(store)
    absent(store, made)
    claimed = claim(store, made)
    record(store, made, *(created(claimed, row, "bln_1") for row in claimed.tries))
    finished(store, made)
    look(store, made, held(rows_of(store, made)[0], "bln_1", by=made.id))
    assert told(store, made) == []
    assert events_of(store, made)[-1] == ("looked up for the last time", {"rows": 1})


@pytest.mark.parametrize("call_it", [absent, refused_after_5xx, refused_after_409, left_to_a_person])
def test_a_row_that_was_not_sent_again_becomes_created(
    store: Store, call_it: Callable[[Store, Import], None]
) -> None:
    made = lost(store)
    call_it(store, made)
    finished(store, made, ImportState.CANCELLED)
    look(store, made, held(rows_of(store, made)[0], "bln_1", "bln_2", by=made.id))
    (row,) = rows_of(store, made)
    assert (row.state, row.balance_id, row.waits_for_person) == (RowState.CREATED, "bln_1", False)
    assert [what for what, _ in events_of(store, made)].count("found") == 1
    (sentence,) = told(store, made)
    assert "bln_1 and bln_2" in sentence, "the second one of the two is named"
    with store.read() as tx:
        assert imports.by_number(tx, made.number).counts == {RowState.CREATED: 1}


def test_a_fixed_row_reports_the_balance_of_its_earlier_form(store: Store) -> None:
    made = lost(store)
    refused_after_5xx(store, made)
    (sent,) = rows_of(store, made)
    with store.write() as tx:
        tx.execute(update(tables.rows).values(ref="v1-fixed-0", state=RowState.READY))
    claimed = claim(store, made)
    record(store, made, *(created(claimed, row, "bln_fixed") for row in claimed.tries))
    finished(store, made)
    look(store, made, held(sent, "bln_late", by=made.id))
    with store.read() as tx:
        now = imports.by_number(tx, made.number)
    assert (now.findings or Findings()).twins == [RowFinding(row=sent.number, ids=["bln_fixed", "bln_late"])]


@pytest.mark.parametrize("state", [ImportState.DONE, ImportState.CANCELLED])
def test_a_fixed_row_that_was_not_sent_since_is_not_called_created(store: Store, state: ImportState) -> None:
    made = lost(store)
    refused_after_5xx(store, made)
    (sent,) = rows_of(store, made)
    with store.write() as tx:
        tx.execute(update(tables.rows).values(ref="v1-fixed-0"))
    finished(store, made, state)
    look(store, made, held(sent, "bln_late", by=made.id))
    assert rows_of(store, made)[0].state is RowState.REFUSED
    with store.read() as tx:
        sentences = contents_of(tx, imports.by_number(tx, made.number))["findings"]
    assert [one for one in sentences if one.startswith("Row 2: ") and "created bln_late after all" in one]


def test_if_another_import_created_it_meanwhile_both_are_reported(store: Store) -> None:
    made = lost(store)
    absent(store, made)
    finished(store, made, ImportState.CANCELLED)
    other = running(store, 1)
    claimed = claim(store, other)
    record(store, other, *(created(claimed, row, "bln_other") for row in claimed.tries))
    (row,) = rows_of(store, made)
    found = read_balances(
        [
            balance(row.ref or "", "bln_late", import_id=made.id),
            balance(row.ref or "", "bln_other", "2026-01-02T00:00:00Z", import_id=other.id),
        ]
    )
    look(store, made, {row.ref or "": found})
    assert rows_of(store, made)[0].state is RowState.READY
    for one in (made, other):
        (sentence,) = told(store, one)
        assert "bln_other and bln_late" in sentence


def test_a_balance_linked_to_another_row_is_not_reported_as_unknown(store: Store) -> None:
    made = lost(store, 2)
    with store.write() as tx:
        first, other = rows_in_doubt.unknown_rows(tx, [made.number])
        rows_in_doubt.was_absent(tx, first, same_server_errors=3)
        rows_in_doubt.was_found(tx, other, RowState.CREATED, "bln_1", message="Ada found it in Blnk.")
    look(store, made, held(rows_of(store, made)[0], "bln_1", by=made.id))
    assert rows_of(store, made)[0].state is RowState.READY
    assert told(store, made) == []


def test_a_row_that_is_on_its_way_at_that_moment_is_looked_up_soon_after(store: Store) -> None:
    made = lost(store)
    absent(store, made)
    (row,) = rows_of(store, made)
    claimed = claim(store, made)
    look(store, made, held(row, "bln_1", by=made.id))
    assert rows_of(store, made)[0].state is RowState.SENDING
    record(store, made, *(created(claimed, row, "bln_2") for row in claimed.tries))
    look(store, made, held(row, "bln_1", "bln_2", by=made.id), after=DAY + 2 * HOUR)
    (sentence,) = told(store, made)
    assert "bln_2 and bln_1" in sentence


def test_what_is_still_to_be_looked_up_is_shown_with_the_last_and_the_next_look_up(store: Store) -> None:
    made = lost(store, 2)
    with store.write() as tx:
        for row in rows_in_doubt.unknown_rows(tx, [made.number]):
            rows_in_doubt.was_absent(tx, row, same_server_errors=3)
    finished(store, made, ImportState.CANCELLED)

    def says() -> str | None:
        with store.read() as tx:
            looks = late_records.of_import(tx, made.number)
        hours = lambda at: f"{(at - since) / HOUR:.1f}"  # noqa: E731
        return about_findings.pending_checks(looks, hours)

    since = all_due(store)[0].since
    assert says() == (
        "2 rows had an attempt without a clear answer (rows 2, 3). Blnk will be checked again, in case that "
        "attempt still creates a balance. Next check: 0.2. Final check: 24.0."
    )
    look(store, made, {}, after=HOUR + 60)
    assert "Last check: 1.0. Next check: 24.0. Final check: 24.0." in (says() or "")
    assert "looked up for the last time" not in dict(events_of(store, made))
    look(store, made, {})
    assert says() == (
        "2 rows had an attempt without a clear answer. Blnk was checked for the last time: 25.0."
    )
    assert events_of(store, made)[-1] == ("looked up for the last time", {"rows": 2})


# From the cut to the receipt


class Delayed:
    """The first POST of one row brings no answer, and is carried out when the test says so."""

    def __init__(self, customer: str) -> None:
        self._customer = customer
        self._held: list[Sent] = []

    def __call__(self, sent: Sent) -> Reply | None:
        if sent.customer != self._customer or self._held:
            return None
        self._held.append(sent)
        return sent.answer(504)

    def carry_out(self) -> str:
        (sent,) = self._held
        made: str = orjson.loads(sent.forward().body)["balance_id"]
        return made


def receipts_of(importer: Importer, made: Import) -> list[JsonObject]:
    with importer.store.read() as tx:
        found = (
            receipt_records.find(tx, made.number, one.n) for one in receipt_records.headings(tx, made.number)
        )
        return [one.contents for one in found if one is not None]


@on_both_databases
def test_a_balance_created_after_the_import_was_done_is_named_within_the_day(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    delayed = Delayed("5")
    with Between(practice_blnk) as between:
        importer.hurry()
        importer.connect(base_url=between.url)
        between.on_create = delayed
        done = importer.run(requests_for(10))
        assert (done.findings or Findings()).clean
        (before,) = wait_until(lambda: receipts_of(importer, done), lambda: "no receipt is written")
        row = importer.rows(done)[5]
        assert before["checked_again"]["rows"] == [row.label]
        assert before["checked_again"]["next"]
        assert before["findings"] == []

        late_one = delayed.carry_out()
        importer.stop()
        importer.later_seconds = 2 * HOUR  # it was off when the first two looks were due
        importer.start()
        wait_until(
            lambda: "second balance" in importer.events(done), lambda: f"not told: {importer.events(done)}"
        )
        found = importer.find(done.id).findings or Findings()
        assert found.twins == [RowFinding(row=row.number, ids=[row.balance_id or "", late_one])]
        assert not found.clean
        wait_until(lambda: len(receipts_of(importer, done)) == 2, lambda: "no new receipt")
        importer.later_seconds = 25 * HOUR
        wait_until(lambda: len(receipts_of(importer, done)) == 3, lambda: "the last look is not told")
        _, second, last = receipts_of(importer, done)
        assert late_one in "".join(second["findings"])
        assert (second["checked_again"]["open"], last["checked_again"]["open"]) == (1, 0)
        assert last["checked_again"]["last"]
        assert len(practice_blnk.balances()) == 11


def test_a_balance_created_after_another_desks_was_found_for_its_row_is_named_within_the_day(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    """The row's own request brought no answer, and the look found what another desk had made of it."""
    delayed = Delayed("5")
    theirs: list[str] = []

    def another_is_faster(sent: Sent) -> Reply | None:
        reply = delayed(sent)
        if reply is not None:
            stamps = {**sent.json["meta_data"], "import_id": "imp_elsewhere"}
            made = practice_blnk.create_balance(ledger_id=LEDGER, currency="NGN", meta_data=stamps)
            theirs.append(made["balance_id"])
        return reply

    with Between(practice_blnk) as between:
        importer.hurry()
        importer.connect(base_url=between.url)
        between.on_create = another_is_faster
        draft = importer.run(requests_for(10), until=[ImportState.PAUSED])
        importer.resume(draft)
        done = importer.wait_for(draft, ImportState.DONE)
        row = importer.rows(done)[5]
        assert (row.state, row.balance_id) == (RowState.EXISTS, theirs[0])
        late_one = delayed.carry_out()
        importer.later_seconds = 25 * HOUR
        wait_until(
            lambda: "second balance" in importer.events(done), lambda: f"not told: {importer.events(done)}"
        )
        found = importer.find(done.id).findings or Findings()
        assert found.twins == [RowFinding(row=row.number, ids=[theirs[0], late_one])]
        assert len(practice_blnk.balances()) == 11


def test_a_lagging_look_up_does_not_count(practice_blnk: PracticeBlnk, importer: Importer) -> None:
    """The balances that were seen created are not shown: so it says nothing of the one that is looked for."""
    delayed = Delayed("5")
    with Between(practice_blnk) as between:
        importer.hurry()
        importer.connect(base_url=between.url)
        between.on_create = delayed
        done = importer.run(requests_for(10))
        delayed.carry_out()
        practice_blnk.order_fault("lagging_reads", seconds=600)
        practice_blnk.forget_requests()
        importer.later_seconds = 25 * HOUR
        wait_until(
            lambda: practice_blnk.requests()["by_kind"].get("filter", 0) >= 2, lambda: "nothing is looked up"
        )
        with importer.store.read() as tx:
            assert late_records.of_import(tx, done.number).open == 1
        practice_blnk.clear_faults()
        importer.later_seconds = 26 * HOUR
        wait_until(lambda: "second balance" in importer.events(done), lambda: "not told")


def test_the_command_line_shows_what_is_still_to_be_looked_up_and_what_was_found(
    practice_blnk: PracticeBlnk, importer: Importer, commands: Commands
) -> None:
    delayed = Delayed("c-5")
    with Between(practice_blnk) as between:
        importer.hurry()
        importer.connect(base_url=between.url)
        between.on_create = delayed
        ended = commands.call("import", commands.file(10), "--yes")
        assert ended.code == 0
        assert "1 row had an attempt without a clear answer (row 7)" in ended.out
        with importer.store.read() as tx:
            (done,) = imports.newest(tx)
        assert f"python -m blnk_api verify {done.id}" in ended.out
        late_one = delayed.carry_out()
        importer.later_seconds = 25 * HOUR
        importer.start()
        wait_until(lambda: "second balance" in importer.events(done), lambda: "not told")
        importer.stop()
        said = commands.call("status", done.id).out
        assert late_one in said
        assert "Blnk was checked for the last time" in said
        assert commands.call("verify", done.id).code == 3
