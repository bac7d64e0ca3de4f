"""The sender dies, stands still, or cannot write: in the end as many balances as rows, and no ref twice."""

import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from blnk_api.store import Store, database, rows, tables
from blnk_api.store.async_store import AsyncStore
from blnk_api.store.imports import Import
from blnk_api.store.search import row_history
from blnk_api.store.sending import attempts
from blnk_api.store.states import ImportState, PausedBy, RowState
from tests.support.importer import LEDGER, WAIT_SECONDS, Importer, requests_for, wait_until
from tests.support.postgres import Postgres
from tests.support.practice import PracticeBlnk
from tests.support.sending import (
    asked,
    assert_each_once,
    begin_in_own_process,
    create_count,
    create_count_at_rest,
)

on_postgres = pytest.mark.parametrize("importer", ["postgres"], indirect=True)


def let_go_on(
    importer: Importer, import_: Import, until: Callable[[], object], *, seconds: float = WAIT_SECONDS
) -> None:
    """Starts the sender again whenever it has ended, as the app does, until that is so."""

    def is_so() -> object:
        if importer.processes[-1].poll() is not None:
            importer.start_process()
        return until()

    wait_until(is_so, lambda: f"it does not go on: {importer.find(import_.id)}", seconds=seconds)


def finish(importer: Importer, import_: Import) -> Import:
    let_go_on(importer, import_, lambda: importer.find(import_.id).state is ImportState.DONE)
    return importer.find(import_.id)


def claimed_refs(importer: Importer, import_: Import) -> set[str]:
    """The refs of the rows that were ever claimed."""
    every = tables.rows.join(tables.attempts, tables.attempts.c.row == tables.rows.c.id)
    with importer.store.read() as tx:
        found = tx.execute(
            select(tables.rows.c.ref).select_from(every).where(tables.rows.c.import_ == import_.number)
        )
        return {ref for (ref,) in found}


def sent_refs(blnk: PracticeBlnk) -> set[str]:
    return {one["import_ref"] for one in asked(blnk, "create")}


@pytest.mark.parametrize(
    ("importer", "seed"), [("sqlite", 1), ("sqlite", 2), ("postgres", 3)], indirect=["importer"]
)
def test_a_worker_killed_again_and_again_creates_each_row_once(
    practice_blnk: PracticeBlnk, importer: Importer, seed: int
) -> None:
    chance = random.Random(seed)
    importer.connect(requests_per_minute=9000)
    practice_blnk.order_fault("latency", seconds=0.1)
    practice_blnk.order_fault("drop_after_commit", percent=3, seed=seed)
    draft = begin_in_own_process(importer, rows=240, created=1)
    for _ in range(3):
        so_far, more = create_count(practice_blnk), chance.randint(1, 40)
        let_go_on(
            importer,
            draft,
            lambda least=so_far + more: (  # type: ignore[misc]
                create_count(practice_blnk) >= least or importer.find(draft.id).state is ImportState.DONE
            ),
        )
        time.sleep(chance.random() * 0.05)  # anywhere between two commits
        importer.processes[-1].kill()
        importer.processes[-1].wait()
    assert_each_once(practice_blnk, importer, finish(importer, draft))


def test_what_blnk_creates_after_the_worker_was_killed_is_not_created_again(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    """Its POSTs are on their way still; the next worker does not find their balances yet."""
    importer.connect(requests_per_minute=6000)
    practice_blnk.order_fault("commit_late", seconds=2.5, times=5, skip=30)
    draft = begin_in_own_process(importer, rows=100)
    wait_until(lambda: practice_blnk.faults()[0]["fired"] == 5, lambda: "they do not arrive")
    importer.processes[0].kill()
    importer.processes[0].wait()
    done = finish(importer, draft)
    late = [one["arrived"] for one in asked(practice_blnk, "create") if one["fault"] == "commit_late"]
    wait_until(lambda: time.monotonic() > max(late) + 2.7, lambda: "?")
    assert_each_once(practice_blnk, importer, done)


def test_a_worker_ends_with_the_app_that_started_it(importer: Importer) -> None:
    worker = importer.start_process()
    assert worker.stdin is not None
    worker.stdin.close()
    assert worker.wait(180) == 0


def test_no_row_leaves_on_a_claim_that_is_too_old(
    practice_blnk: PracticeBlnk, importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sender stands still again and again, with rows claimed and not gone: what was claimed before it
    stood still is too old when it goes on. Some twenty are claimed each time. One may have been judged, and
    not yet given to the line, in the very moment in which it stood still."""
    good = 0.4
    monkeypatch.setenv("BLNK_WAIT_CLAIM_GOOD", str(good))
    importer.connect(requests_per_minute=12_000)
    draft = begin_in_own_process(importer, rows=500)
    worker = importer.processes[0]
    stood_still: list[tuple[int, float]] = []
    for _ in range(5):
        so_far = create_count(practice_blnk)
        wait_until(lambda least=so_far + 10: create_count(practice_blnk) >= least, lambda: "it stands still")  # type: ignore[misc]
        os.kill(worker.pid, signal.SIGSTOP)
        stopped_at = time.time()
        stood_still.append((create_count_at_rest(practice_blnk), stopped_at))
        wait_until(lambda since=stopped_at: time.time() > since + 2 * good, lambda: "?")  # type: ignore[misc]
        os.kill(worker.pid, signal.SIGCONT)
    done = finish(importer, draft)
    assert_each_once(practice_blnk, importer, done)
    with importer.store.read() as tx:
        claimed = {
            row.ref: [one.started_at for one in row_history.attempts_of(tx, row.id)]
            for row in rows.page(tx, done.number, limit=1000)
        }
    arrived = [one["import_ref"] for one in asked(practice_blnk, "create")]
    assert len(arrived) >= 500
    for before, stopped_at in stood_still:
        too_old = [ref for ref in arrived[before:] if max(claimed[ref]) < stopped_at]
        assert len(too_old) <= 1, "they were claimed before the sender stood still, and left afterwards"


def test_what_another_desk_made_while_the_machine_slept_is_not_made_again(
    practice_blnk: PracticeBlnk, importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All rows were looked up before it slept. A colleague imported the rest of the file meanwhile."""
    monkeypatch.setenv("BLNK_WAIT_CLAIM_GOOD", "0.4")
    importer.connect(requests_per_minute=6_000)
    draft = begin_in_own_process(importer, rows=400)
    worker = importer.processes[0]
    os.kill(worker.pid, signal.SIGSTOP)
    create_count_at_rest(practice_blnk)
    made = set(practice_blnk.refs())
    rest = [row for row in importer.rows(draft) if row.ref not in made]
    assert len(rest) > 100
    for row in rest:
        stamps = {
            "import_ref": row.ref,
            "import_id": "imp_elsewhere",
            "customer": orjson.loads(row.body or b"")["meta_data"]["customer"],
        }
        practice_blnk.create_balance(ledger_id=LEDGER, currency="NGN", meta_data=stamps)
    os.kill(worker.pid, signal.SIGCONT)

    def is_over() -> bool:
        now = importer.find(draft.id)
        if now.paused_by is PausedBy.DESK:
            importer.resume(draft)
        return now.state is ImportState.DONE

    let_go_on(importer, draft, is_over)
    done = importer.find(draft.id)
    twice = len(practice_blnk.refs()) - len(set(practice_blnk.refs()))
    assert twice <= 1, "one may have been given to the line at the very moment in which it fell asleep"
    assert importer.counts(done)[RowState.EXISTS] >= len(rest) - 1


def test_a_store_locked_by_another_program_for_a_while_loses_nothing(
    practice_blnk: PracticeBlnk, importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For longer than we wait for it: claims fail, and outcomes are kept until they can be written."""
    monkeypatch.setattr(database, "_BUSY_SECONDS", 0.2)
    importer.store.close()
    importer.store = Store(importer.settings.database_url)
    write, failed = AsyncStore.write, []

    async def note(thread: AsyncStore, does: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return await write(thread, does, *args, **kwargs)
        except OperationalError:
            failed.append(does)
            raise

    monkeypatch.setattr(AsyncStore, "write", note)
    practice_blnk.order_fault("full_stop", on="create", seconds=600, skip=40)
    draft = importer.begin(requests_for(150), created=20)
    wait_until(lambda: create_count(practice_blnk) > 40, lambda: "no row is on its way")
    other = sqlite3.connect(importer.data_dir / "journal.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    practice_blnk.clear_faults()
    claimed = claimed_refs(importer, draft)
    wait_until(lambda: attempts.record in failed and len(failed) > 3, lambda: f"failed: {failed}")
    assert sent_refs(practice_blnk) <= claimed
    assert claimed_refs(importer, draft) == claimed
    other.execute("ROLLBACK")
    other.close()
    done = importer.wait_for(draft, ImportState.DONE)
    assert_each_once(practice_blnk, importer, done)
    assert "interrupted" not in importer.events(done)
    assert practice_blnk.requests()["by_kind"]["create"] == 150


def test_a_full_disk_stops_claims_and_loses_nothing(practice_blnk: PracticeBlnk, importer: Importer) -> None:
    """No file of the sender can grow or be written anymore, during an import; then there is room again."""
    importer.connect(requests_per_minute=1200)
    practice_blnk.order_fault("latency", seconds=0.2)
    draft = begin_in_own_process(importer, rows=200)
    worker = importer.processes[0]
    no_limit = resource.prlimit(worker.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (1, no_limit[1]))
    create_count_at_rest(practice_blnk)
    sent = sent_refs(practice_blnk)
    assert len(sent) < 200
    assert sent <= claimed_refs(importer, draft)
    importer.connect()
    if worker.poll() is None:
        resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, no_limit)
    assert_each_once(practice_blnk, importer, finish(importer, draft))


def test_a_data_folder_that_cannot_be_written_is_reported(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder belongs to another account. (Root may write everywhere, so the sender is nobody.)"""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(importer.data_dir / "secrets.toml", folder)
        os.chmod(f"{folder}/secrets.toml", 0o644)
        os.chmod(folder, 0o555)
        monkeypatch.setenv("BLNK_DATA_DIR", folder)
        monkeypatch.setenv("BLNK_SECRETS_FILE", f"{folder}/secrets.toml")
        monkeypatch.setenv("BLNK_DATABASE_URL", f"sqlite:///{folder}/journal.db")
        ended = subprocess.run(
            [*_as_nobody(), sys.executable, "-m", "blnk_api.worker.main"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
    assert ended.returncode == 1
    (told,) = ended.stderr.strip().splitlines()
    assert "The import database cannot be opened: " in told
    assert folder in told


def _as_nobody() -> list[str]:
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.getuid() == 0 else []


def test_a_store_restored_from_an_older_copy_creates_nothing_twice(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    importer.connect(requests_per_minute=600)
    draft = begin_in_own_process(importer, rows=150)
    importer.processes[0].terminate()
    assert importer.processes[0].wait(180) == 0
    importer.connect()
    with importer.store.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(importer.data_dir / "journal.db", importer.data_dir / "older.db")
    assert_each_once(practice_blnk, importer, finish(importer, draft))
    importer.processes[-1].terminate()
    importer.processes[-1].wait()
    importer.store.close()
    for log in importer.data_dir.glob("journal.db-*"):
        log.unlink()
    shutil.copy(importer.data_dir / "older.db", importer.data_dir / "journal.db")
    assert importer.find(draft.id).state is ImportState.RUNNING
    assert_each_once(practice_blnk, importer, finish(importer, draft))
    assert len(practice_blnk.balances()) == 150


@on_postgres
def test_postgres_restarts_during_an_import(
    practice_blnk: PracticeBlnk, importer: Importer, postgres: Postgres
) -> None:
    importer.connect(requests_per_minute=6000)
    practice_blnk.order_fault("latency", seconds=0.2)
    draft = begin_in_own_process(importer, rows=200)
    postgres.stop()
    postgres.start()
    assert_each_once(practice_blnk, importer, finish(importer, draft))


@on_postgres
def test_every_session_is_cut_off_during_an_import(
    practice_blnk: PracticeBlnk, importer: Importer, postgres: Postgres
) -> None:
    importer.connect(requests_per_minute=6000)
    practice_blnk.order_fault("latency", seconds=0.2)
    draft = begin_in_own_process(importer, rows=300)
    for _ in range(2):
        enough = min(importer.counts(draft)[RowState.CREATED] + 20, 300)
        postgres.kill(postgres.sessions(importer.database_url))
        let_go_on(
            importer,
            draft,
            lambda least=enough: importer.counts(draft)[RowState.CREATED] >= least,  # type: ignore[misc]
        )
    assert_each_once(practice_blnk, importer, finish(importer, draft))
