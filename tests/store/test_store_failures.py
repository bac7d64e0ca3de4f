"""The import database cannot be read or written: it is said why and what to do, waited for, and nothing is
sent twice or lost."""

import os
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from blnk_api.desk.desk import open_desk
from blnk_api.store import Store, StoreUnavailable, database, failures
from blnk_api.store.sending import senders
from blnk_api.store.states import ImportState, RowState
from tests.support.command_line import Commands
from tests.support.importer import Importer, requests_for, wait_until
from tests.support.postgres import Postgres
from tests.support.practice import PracticeBlnk

on_postgres = pytest.mark.parametrize("importer", ["postgres"], indirect=True)
NO_ROOM = (1, resource.RLIM_INFINITY)
"""No file of the process can grow anymore: for the process, a full disk."""


def made(blnk: PracticeBlnk, n: int) -> None:
    wait_until(lambda: len(blnk.refs()) >= n, lambda: f"only {len(blnk.refs())} are made")


@on_postgres
def test_a_command_waits_for_a_database_server_that_restarts_and_says_so(
    practice_blnk: PracticeBlnk, importer: Importer, commands: Commands, postgres: Postgres
) -> None:
    importer.connect(requests_per_minute=1200)
    process = commands.begin("import", commands.file(60), "--yes", "--progress", "plain")
    made(practice_blnk, 10)
    postgres.stop()
    try:
        said = ""
        assert process.stderr is not None
        while "The server of the import database does not answer" not in said:
            line = process.stderr.readline()
            assert line, f"it ended: {said}"
            said += line
    finally:
        postgres.start()
    assert "Restart it" in said
    ended = commands.end(process)
    assert ended.code == 0, ended.err
    assert len(practice_blnk.refs()) == len(set(practice_blnk.refs())) == 60


def test_a_command_on_a_full_disk_says_so_and_continues_when_there_is_room(
    practice_blnk: PracticeBlnk, importer: Importer, commands: Commands
) -> None:
    importer.connect(requests_per_minute=1200)
    process = commands.begin("import", commands.file(60), "--yes", "--progress", "plain")
    made(practice_blnk, 10)
    before = resource.prlimit(process.pid, resource.RLIMIT_FSIZE, NO_ROOM)
    said = ""
    assert process.stderr is not None
    while "cannot be" not in said:
        line = process.stderr.readline()
        assert line, f"it ended: {said}"
        said += line
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, before)
    assert "nothing more is sent" in said
    ended = commands.end(process)
    assert ended.code == 0, ended.err
    assert len(practice_blnk.refs()) == len(set(practice_blnk.refs())) == 60


def test_an_interrupt_while_the_database_is_away_ends_the_command_and_says_how_to_continue(
    practice_blnk: PracticeBlnk, importer: Importer, commands: Commands
) -> None:
    importer.connect(requests_per_minute=600)
    process = commands.begin("import", commands.file(60), "--yes", "--progress", "plain")
    made(practice_blnk, 5)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, NO_ROOM)
    process.send_signal(signal.SIGINT)
    ended = commands.end(process)
    assert ended.code == 130, ended.err
    assert "Interrupted. To continue: python -m blnk_api resume imp_" in ended.err
    importer.processes.clear()
    again = commands.run("resume", "--progress", "none")
    assert again.code == 0, again.err
    assert len(practice_blnk.refs()) == len(set(practice_blnk.refs())) == 60


_WRITES_AND_STOPS = """
import os, signal, sqlite3, sys
journal = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=180)
journal.execute("BEGIN IMMEDIATE")
journal.execute("UPDATE imports SET file_name = 'renamed.csv'")
os.kill(os.getpid(), signal.SIGSTOP)
journal.execute("COMMIT")
"""


@contextmanager
def stopped_writer(store: Path) -> Iterator[None]:
    """Another process that freezes in the middle of its write; in the end it continues and commits."""
    with subprocess.Popen([sys.executable, "-c", _WRITES_AND_STOPS, store]) as process:
        try:
            _, status = os.waitpid(process.pid, os.WUNTRACED)
            assert os.WIFSTOPPED(status)
            yield
            process.send_signal(signal.SIGCONT)
            assert process.wait(180) == 0
        finally:
            process.kill()


def test_a_writer_that_freezes_during_its_write_is_waited_for_with_a_message(
    practice_blnk: PracticeBlnk, importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_BUSY_SECONDS", 0.2)
    importer.store.close()
    importer.store = Store(importer.settings.database_url)
    practice_blnk.order_fault("full_stop", on="create", seconds=600, skip=20)
    draft = importer.begin(requests_for(300), created=10)
    with stopped_writer(importer.data_dir / "journal.db"):
        practice_blnk.clear_faults()
        told = wait_until(lambda: importer.failure, lambda: "the sender says nothing of it")
        assert "Another process has locked the import database" in told
        assert "nothing more is sent" in told
        assert len(practice_blnk.refs()) < 300
    done = importer.wait_for(draft, ImportState.DONE)
    assert importer.failure is None
    assert done.file_name == "renamed.csv"
    assert importer.counts(done) == {RowState.CREATED: 300}
    assert len(practice_blnk.refs()) == len(set(practice_blnk.refs())) == 300


def raised_by_sqlite(path: Path) -> OperationalError:
    """What a writer gets while another one stands still in the middle of its write."""
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("PRAGMA journal_mode=WAL")
    holder.execute("CREATE TABLE one (n)")
    holder.execute("BEGIN IMMEDIATE")
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 0})
    try:
        with pytest.raises(OperationalError) as raised, engine.begin() as tx:
            tx.execute(text("INSERT INTO one VALUES (1)"))
    finally:
        holder.close()
        engine.dispose()
    return raised.value


def test_each_failure_is_reported_with_what_to_do_and_without_stored_values(tmp_path: Path) -> None:
    locked = failures.explain(raised_by_sqlite(tmp_path / "locked.db"))
    assert "Another process has locked the import database" in locked
    assert "end it" in locked
    full = OperationalError(
        "INSERT secret", {"secret": 1}, sqlite3.OperationalError("database or disk is full")
    )
    assert "The disk of this server is full" in failures.explain(full)
    assert "Free up disk space" in failures.explain(OSError(28, "No space left on device"))
    engine = create_engine("postgresql+psycopg://ada:s3cr3t@127.0.0.1:1/desk")
    with pytest.raises(OperationalError) as away:
        engine.connect()
    told = failures.explain(away.value)
    assert "The server of the import database does not answer" in told
    for one in (locked, failures.explain(full), told):
        assert "s3cr3t" not in one
        assert "INSERT" not in one
        assert "Nothing is lost" in one


def is_sending(importer: Importer) -> bool:
    with importer.store.read() as tx:
        return senders.current(tx) is not None


def test_a_running_program_rejects_a_database_that_a_newer_one_has_changed(
    importer: Importer,
) -> None:
    open_desk()
    worker = importer.start_process()
    wait_until(lambda: is_sending(importer), lambda: "no sender")
    with importer.store.write() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreUnavailable, match="later version of Balance Desk"):
        open_desk()
    assert worker.wait(180) == 1
    assert "later version of Balance Desk" in (importer.data_dir / "worker.log").read_text()


def test_a_database_that_is_only_older_is_not_rejected(store: Store) -> None:
    store.migrate()
    with store.write() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '0001'"))
        store.refuse_later(tx)
