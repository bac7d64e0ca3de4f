"""What an import held goes when the settings say so; what keeps balances from being made twice stays."""

import sqlite3
import time
from dataclasses import replace

import pytest
from sqlalchemy import select

from blnk_api import settings
from blnk_api.errors import SettingsProblem
from blnk_api.reports.results import Variant, stream
from blnk_api.review import actions
from blnk_api.review.actions import NotPossible
from blnk_api.settings import Settings
from blnk_api.store import rows, tables
from blnk_api.store.imports import Import
from blnk_api.store.people import edits, notes, receipt_records
from blnk_api.store.states import ImportState, RowState
from blnk_api.store.transitions import move
from blnk_api.worker import purge_imports as purging
from blnk_api.worker.housekeeping import Housekeeping
from tests.support.actors import actor
from tests.support.importer import BOTH_DATABASES, LEDGER, Importer, requests_for, wait_until
from tests.support.practice import PracticeBlnk

DAY = 86_400.0
SECRET = "Grace-Mwangi-4711"
FILE = f"ledger_id,currency,customer\n{LEDGER},NGN,{SECRET}\n{LEDGER},USD,{SECRET}\n"


def keeps(importer: Importer, days: int | None) -> Settings:
    return replace(importer.settings, purge_after_days=days)


def imported(importer: Importer) -> Import:
    """A finished import that has its receipt, and no sender anymore."""
    done = importer.import_file(FILE)
    importer.stop()
    Housekeeping(importer.store).tend_now(importer.settings)
    return importer.find(done.id)


def purge(importer: Importer, *, after_days: float) -> list[int]:
    return purging.purge_old(importer.store, keeps(importer, 30), now=time.time() + after_days * DAY)


@pytest.mark.parametrize("importer", BOTH_DATABASES, indirect=True)
def test_contents_are_deleted_and_what_was_created_stays(importer: Importer) -> None:
    done = imported(importer)
    before = importer.rows(done)
    with importer.store.write() as tx:
        edits.add(tx, done.number, [(2, 2, "old", SECRET)], who=actor())
        notes.add_to_import(tx, done, "All fine.", who=actor())
    Housekeeping(importer.store).tend_now(importer.settings)
    places = ("uploads", "receipts")
    assert [list(importer.files.folders(place)) for place in places] == [[done.id], [done.id]]
    assert purge(importer, after_days=31) == [done.number]
    now = importer.find(done.id)
    assert now.purged_at is not None
    assert [list(importer.files.folders(place)) for place in places] == [[], []]
    with importer.store.read() as tx:
        assert tx.execute(select(tables.kept_pieces.c.n)).all() == []
    kept = importer.rows(done)
    assert [(one.ref, one.balance_id, one.state) for one in kept] == [
        (one.ref, one.balance_id, one.state) for one in before
    ]
    assert all(one.cells == [] and one.body is None and one.message is None for one in kept)
    assert now.counts == done.counts
    assert importer.events(done)[-1] == "purged"
    with importer.store.read() as tx:
        assert [one.text for one in notes.of_import(tx, done.number)] == ["All fine."]
        assert [one.n for one in receipt_records.headings(tx, done.number)] == [1, 2]


def test_nothing_that_was_purged_is_left_in_the_data_folder_but_on_the_receipt(importer: Importer) -> None:
    done = imported(importer)
    with importer.store.write() as tx:
        edits.add(tx, done.number, [(2, 2, SECRET, f"{SECRET}!")], who=actor())
    assert purge(importer, after_days=31)
    with sqlite3.connect(importer.data_dir / "journal.db") as database:
        held = "\n".join(line for line in database.iterdump() if 'INTO "receipts"' not in line)
    assert SECRET not in held
    for folder in ("uploads", "receipts"):
        assert not any(path.is_file() for path in (importer.data_dir / folder).rglob("*"))
    assert SECRET.encode() not in b"".join(stream(importer.store, done, Variant.ALL))


def test_it_is_off_by_default_and_waits_its_days(importer: Importer) -> None:
    imported(importer)
    far = time.time() + 10_000 * DAY
    assert importer.settings.purge_after_days is None
    assert purging.purge_old(importer.store, importer.settings, now=far) == []
    assert purge(importer, after_days=29) == []
    assert len(purge(importer, after_days=31)) == 1
    assert purge(importer, after_days=31) == []


def test_an_import_with_a_row_in_doubt_or_a_receipt_owed_keeps_what_it_holds(importer: Importer) -> None:
    done = imported(importer)
    with importer.store.write() as tx:
        notes.add_to_import(tx, done, "Wait.", who=actor())
    assert purge(importer, after_days=31) == [], "a receipt is owed"
    Housekeeping(importer.store).tend_now(importer.settings)
    with importer.store.write() as tx:
        one = rows.page(tx, done.number)[0]
        move(tx, [one.id], from_=RowState.CREATED, to=RowState.UNKNOWN, waits_for_person=True)
    assert purge(importer, after_days=31) == [], "a row is in doubt"


def test_a_draft_or_an_import_on_its_way_is_never_purged(importer: Importer) -> None:
    importer.draft(requests_for(1))
    waiting = importer.draft(requests_for(2))
    importer.confirm(waiting)
    assert purge(importer, after_days=10_000) == []


def test_the_same_file_again_still_creates_nothing_twice(
    importer: Importer, practice_blnk: PracticeBlnk
) -> None:
    imported(importer)
    assert purge(importer, after_days=31)
    again = importer.upload(FILE)
    assert importer.states(again) == [RowState.EXISTS] * 2
    assert len(practice_blnk.refs()) == 2


def test_a_purged_row_is_never_sent_and_never_guessed(
    importer: Importer, practice_blnk: PracticeBlnk
) -> None:
    """Verification may still miss its balance; nobody knows anymore what was requested."""
    done = imported(importer)
    purge(importer, after_days=31)
    practice_blnk.reset()
    actions.verify_again(importer.store, done, who=actor())
    importer.start()
    wait_until(
        lambda: importer.states(done) == [RowState.UNKNOWN] * 2, lambda: f"not missed: {importer.rows(done)}"
    )
    importer.wait_for(done, ImportState.DONE)
    row = importer.rows(done)[0]
    with pytest.raises(NotPossible, match="were deleted"):
        actions.send_again(importer.store, row.id, who=actor())
    with pytest.raises(NotPossible, match="were deleted"):
        actions.link_balance(importer.store, None, row.id, "bln_1", who=actor())  # type: ignore[arg-type]
    assert practice_blnk.balances() == []


def test_an_interrupted_purge_is_completed(importer: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    done = imported(importer)

    def dies(_: object) -> None:
        raise OSError("no disk")

    with monkeypatch.context() as broken:
        broken.setattr("shutil.rmtree", dies)
        with pytest.raises(OSError, match="no disk"):
            purge(importer, after_days=31)
    assert importer.find(done.id).purged_at is None
    assert purge(importer, after_days=31) == [done.number]
    assert list(importer.files.folders("uploads")) == []


def test_after_a_purge_a_note_is_kept_and_no_empty_receipt_is_written(importer: Importer) -> None:
    done = imported(importer)
    purge(importer, after_days=31)
    with importer.store.write() as tx:
        notes.add_to_import(tx, done, "Asked for by the auditors.", who=actor())
    Housekeeping(importer.store).tend_now(importer.settings)
    with importer.store.read() as tx:
        assert [one.n for one in receipt_records.headings(tx, done.number)] == [1]


def test_the_setting_is_a_number_of_days_or_nothing() -> None:
    assert settings.load({}).purge_after_days is None
    assert settings.load({"BLNK_PURGE_AFTER_DAYS": "400"}).purge_after_days == 400
    for wrong in ("0", "-1", "soon", "1.5", "400 days"):
        with pytest.raises(SettingsProblem, match="BLNK_PURGE_AFTER_DAYS should be a whole number of days"):
            settings.load({"BLNK_PURGE_AFTER_DAYS": wrong})
