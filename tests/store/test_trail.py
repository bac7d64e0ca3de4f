"""What happened can be added to and not changed, and a change behind the database's back shows."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from blnk_api import settings
from blnk_api.access.actors import SENDER
from blnk_api.store import Store, import_acts, imports, transitions
from blnk_api.store.events import EventKind, note
from blnk_api.store.imports import Import
from blnk_api.store.people import desk_events, edits, receipt_records
from blnk_api.store.people.desk_events import DeskEventKind
from blnk_api.store.states import ImportState
from blnk_api.store.trail import chain
from blnk_api.store.trail.verify import Fault, verify
from blnk_api.worker import purge_imports
from tests.support.actors import actor, signed_in
from tests.support.postgres import Postgres
from tests.support.store import claim, created, draft, record, running
from tests.support.trail import change, first_break


def one_import(store: Store) -> Import:
    """A draft of three rows in which two cells were changed; five entries in its chain."""
    made = draft(store, 3)
    with store.write() as tx:
        note(tx, made.number, who=actor(), what=EventKind.REPAIRED)
        edits.add(tx, made.number, [(2, 1, "KSH", "KES"), (3, 1, "KSH", "KES")], who=signed_in())
    with store.write() as tx:
        note(tx, made.number, who=actor(), what=EventKind.MATCHED_COLUMNS)
        note(tx, made.number, who=actor(), what=EventKind.NOTED)
        desk_events.note(tx, who=signed_in(), what=DeskEventKind.DOWNLOADED, detail="imports.csv")
    assert first_break(store) is None
    return made


def owed_receipt(store: Store, made: Import) -> int:
    """Its number: the receipt of an import that is over now."""
    with store.write() as tx:
        as_of = receipt_records.owed_as_of(tx, made.number)
        assert as_of is not None
        n = receipt_records.add(
            tx, made.number, as_of=as_of, contents={"a": 1}, results_path="x", results_sha256="0"
        )
    assert n is not None
    return n


def over(store: Store) -> Import:
    made = running(store, 2)
    claimed = claim(store, made)
    record(store, made, *(created(claimed, row, f"bln_{row}") for row in claimed.tries))
    with store.write() as tx:
        edits.add(tx, made.number, [(2, 1, "Grace 4711", "Grace 4712")], who=actor())
        transitions.move_import(tx, made.number, from_=[ImportState.RUNNING], to=ImportState.VERIFYING)
        transitions.move_import(
            tx, made.number, from_=[ImportState.VERIFYING], to=ImportState.DONE, finished_at=1_700_000_000.0
        )
        note(tx, made.number, who=SENDER, what=EventKind.VERIFIED)
    return made


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET who = 'Eve'",
        "DELETE FROM events",
        "UPDATE desk_events SET detail = ''",
        "DELETE FROM desk_events",
        "UPDATE trail SET link = ''",
        "DELETE FROM trail",
        "UPDATE repairs SET who = 'Eve'",
        "DELETE FROM repairs",
        "TRUNCATE events",
        "TRUNCATE trail, desk_events",
        "INSERT INTO events (import, at, who, what) VALUES (1, 0, 'Eve', 'confirmed')",
    ],
)
def test_events_cannot_be_changed_deleted_or_inserted(store: Store, statement: str) -> None:
    one_import(store)
    with pytest.raises(DBAPIError), store.write() as tx:
        tx.execute(text(statement))
    assert first_break(store) is None


@pytest.mark.parametrize(
    ("in_sqlite", "in_postgres"),
    [
        (
            f"INSERT OR REPLACE INTO {table} {row}",
            f"INSERT INTO {table} {row} ON CONFLICT ({key}) DO UPDATE SET {key.split(', ')[-1]} = 1",
        )
        for table, key, row in (
            ("events", "id", "(id, import, at, who, what, form) VALUES (1, 1, 0, 'Eve', 'confirmed', 1)"),
            ("desk_events", "id", "(id, at, who, what, form) VALUES (1, 0, 'Eve', 'signed out', 1)"),
            (
                "repairs",
                "id",
                "(id, import, \"number\", old, new, who, at, digest) VALUES (1, 1, 2, '', '', 'Eve', 0, '')",
            ),
            ("trail", "chain, n", "(chain, n, link) VALUES (1, 1, '')"),
        )
    ],
)
def test_events_cannot_be_replaced(store: Store, in_sqlite: str, in_postgres: str) -> None:
    one_import(store)
    with pytest.raises(DBAPIError, match="can be added to"), store.write() as tx:
        tx.execute(text(in_sqlite if store.is_sqlite else in_postgres))
    assert first_break(store) is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET who = 'Eve' WHERE what = 'matched columns'",
        "UPDATE events SET at = at - 60 WHERE what = 'matched columns'",
        "UPDATE events SET detail = '{\"rows\":1}' WHERE what = 'matched columns'",
        "UPDATE events SET what = 'confirmed' WHERE what = 'matched columns'",
        "UPDATE events SET \"row\" = 1 WHERE what = 'matched columns'",
        "UPDATE events SET who_email = 'eve@acme.example' WHERE what = 'matched columns'",
        "UPDATE trail SET link = 'another' WHERE n = 4",
    ],
)
def test_a_change_without_the_triggers_is_named(store: Store, statement: str) -> None:
    made = one_import(store)
    change(store, statement)
    with store.read() as tx:
        at = tx.execute(text("SELECT at FROM events WHERE id = 3")).scalar_one()
    found = first_break(store)
    assert found is not None
    assert (found.fault, found.import_id, found.n, found.at) == (Fault.CHANGED, made.id, 4, at)


def test_what_is_deleted_added_or_cut_off_is_named(store: Store) -> None:
    made = one_import(store)
    other = draft(store, 1)
    change(store, "DELETE FROM events WHERE what = 'matched columns'")
    found = first_break(store)
    assert found is not None
    assert (found.fault, found.import_id, found.n) == (Fault.DELETED, made.id, 4)
    change(
        store,
        f"DELETE FROM trail WHERE chain = {made.number}",
        f"DELETE FROM trail_heads WHERE chain = {made.number}",
        f"INSERT INTO events (import, at, who, what) VALUES ({other.number}, 1.5, 'Eve', 'confirmed')",
        "DELETE FROM trail WHERE chain = 0",
    )
    named = [(one.fault, one.import_id, one.n, one.at) for one in verify(store).breaks]
    with store.read() as tx:
        first = tx.execute(text("SELECT at FROM events WHERE id = 1")).scalar_one()
    assert named == [
        (Fault.CUT_OFF, None, None, None),
        (Fault.ADDED, made.id, None, first),
        (Fault.ADDED, other.id, None, 1.5),
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE repairs SET new = 'USD' WHERE id = 2",
        "UPDATE repairs SET who = 'Eve' WHERE id = 2",
        'UPDATE repairs SET "number" = 7 WHERE id = 2',
        "UPDATE repairs SET old = '', new = '', salt = NULL WHERE id = 2",
        "DELETE FROM repairs WHERE id = 2",
    ],
)
def test_an_edited_cell_cannot_become_another_one(store: Store, statement: str) -> None:
    made = one_import(store)
    change(store, statement)
    found = first_break(store)
    assert found is not None
    assert (found.fault, found.import_id, found.n, found.what) == (Fault.CHANGED, made.id, 3, "edits")


def test_a_file_with_other_settings_keeps_earlier_edits_in_its_trail(store: Store) -> None:
    made = one_import(store)
    with store.write() as tx:
        edits.forget(tx, made.number)
    with store.read() as tx:
        assert (edits.of_import(tx, made.number), edits.are_any(tx, [made.number])) == ([], False)
        assert tx.execute(text("SELECT count(*) FROM repairs")).scalar() == 2
    assert first_break(store) is None


def test_a_purge_deletes_the_texts_and_leaves_the_trail_intact(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = over(store)
    owed_receipt(store, made)
    monkeypatch.setenv("BLNK_DATA_DIR", str(tmp_path / "data"))
    keeps = replace(settings.load(), purge_after_days=30)
    assert purge_imports.purge_old(store, keeps, now=time.time() + 40 * 86_400) == [made.number]
    with store.read() as tx:
        held = tx.execute(text("SELECT old, new, salt FROM repairs")).all()
    assert held == [("", "", None)]
    assert first_break(store) is None
    change(store, "UPDATE events SET who = 'Eve' WHERE what = 'purged'")
    found = first_break(store)
    assert found is not None
    assert (found.fault, found.what) == (Fault.CHANGED, "purged")


def test_the_newest_link_on_a_receipt_is_the_one_that_the_trail_had_then(store: Store) -> None:
    made = over(store)
    n = owed_receipt(store, made)
    with store.write() as tx:
        note(tx, made.number, who=actor(), what=EventKind.NOTED)
    with store.read() as tx:
        found = receipt_records.find(tx, made.number, n)
        assert found is not None
        named = found.contents["trail"]
        link = tx.execute(
            text("SELECT link FROM trail WHERE chain = :chain AND n = :n"),
            {"chain": made.number, "n": named["events"]},
        ).scalar_one()
    assert named == {"events": 4, "head": link}
    assert first_break(store) is None
    change(store, "UPDATE receipts SET told = replace(told, '\"a\":1', '\"a\":2')")
    broken = first_break(store)
    assert broken is not None
    assert (broken.fault, broken.import_id, broken.receipt) == (Fault.RECEIPT, made.id, 1)


def test_a_receipt_that_names_another_link_is_named(store: Store) -> None:
    made = over(store)
    owed_receipt(store, made)
    with store.read() as tx:
        head = chain.head(tx, made.number)
    assert head is not None
    change(store, 'UPDATE receipts SET told = replace(told, \'"head":"\', \'"head":"0\')')
    broken = first_break(store)
    assert broken is not None
    assert (broken.fault, broken.n, broken.receipt) == (Fault.RECEIPT, head.n - 1, 1)


@pytest.mark.parametrize("kept", [2, 0])
def test_a_trail_that_was_cut_off_together_with_its_head_is_revealed_by_a_receipt(
    store: Store, kept: int
) -> None:
    made = over(store)
    owed_receipt(store, made)
    mine = f"chain = {made.number}"
    left = f"SELECT event FROM trail WHERE {mine} AND n <= {kept} AND event IS NOT NULL"
    change(
        store,
        f"DELETE FROM events WHERE import = {made.number} AND id NOT IN ({left})",
        f"DELETE FROM trail WHERE {mine} AND n > {kept}",
        f"DELETE FROM trail_heads WHERE {mine}",
        f"INSERT INTO trail_heads SELECT chain, n, link FROM trail WHERE {mine} AND n = {kept}",
        *([] if kept else [f"DELETE FROM repairs WHERE import = {made.number}"]),
    )
    found = first_break(store)
    assert found is not None
    assert (found.fault, found.import_id) == (Fault.CUT_OFF, made.id)


def test_an_import_or_a_desk_without_any_event_is_named(store: Store) -> None:
    made = draft(store, 1)
    change(store, "DELETE FROM events", "DELETE FROM trail", "DELETE FROM trail_heads")
    assert [(one.fault, one.import_id) for one in verify(store).breaks] == [
        (Fault.CUT_OFF, None),
        (Fault.CUT_OFF, made.id),
    ]


def test_six_writers_at_once_break_no_link_and_do_not_block_each_other(postgres: Postgres) -> None:
    url = postgres.new_database()
    first = Store(url)
    first.migrate()
    made = [draft(first, n) for n in (1, 2, 3)]

    def write(worker: int) -> None:
        mine = Store(url)
        for n in range(40):
            with mine.write() as tx:
                # In either order, so that two that hold one chain each would wait for each other for good.
                for one in made if (worker + n) % 2 else reversed(made):
                    note(tx, one.number, who=actor(str(worker)), what=EventKind.NOTED)
                desk_events.note(tx, who=actor(), what=DeskEventKind.DOWNLOADED, detail=f"{worker}.csv")
        mine.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6)))
    found = verify(first)
    assert (found.breaks, found.events, found.imports) == ((), 3 + 6 * 40 * 4, 3)
    first.close()


def test_uncommitted_events_are_in_no_trail(store: Store) -> None:
    made = one_import(store)
    with suppress(ZeroDivisionError), store.write() as tx:
        note(tx, made.number, who=actor(), what=EventKind.NOTED)
        raise ZeroDivisionError
    assert first_break(store) is None
    with pytest.raises(RuntimeError), store.write() as tx, tx.begin_nested():
        note(tx, made.number, who=actor(), what=EventKind.NOTED)
    with pytest.raises(RuntimeError), store.read() as tx:
        note(tx, made.number, who=actor(), what=EventKind.NOTED)
    with store.write() as tx:
        assert import_acts.discard(tx, made.number, who=SENDER)
        assert imports.by_number(tx, made.number).state is ImportState.CANCELLED
    assert first_break(store) is None
