"""A copy of a desk, however it came about, sends nothing by itself: the other one may be at work."""

import shutil
from pathlib import Path

import pytest
from sqlalchemy import insert, text

from blnk_api.access.actors import SENDER
from blnk_api.store import Store, tables
from blnk_api.store.imports import Import
from blnk_api.store.sending import copied_store, senders, stops
from blnk_api.store.states import ImportState
from tests.support.command_line import Commands
from tests.support.importer import Importer, requests_for, wait_until
from tests.support.postgres import Postgres
from tests.support.practice import PracticeBlnk
from tests.support.sending import create_count_at_rest

REASON = "was copied or moved here. Before you start sending, make sure that"


def half_way(blnk: PracticeBlnk, importer: Importer) -> Import:
    """An import of which 60 rows were created, and whose sender has ended."""
    blnk.order_fault("hang", skip=60)
    made = importer.begin(requests_for(200), created=60)
    importer.stop()
    blnk.clear_faults()
    return made


def copied(importer: Importer, folder: Path, postgres: Postgres | None) -> str:
    """As cp -a, or pg_dump and pg_restore, would make it; the URL of the copy."""
    importer.store.close()
    if postgres is None:
        shutil.copytree(importer.data_dir, folder)
        return f"sqlite:///{folder}/journal.db"
    folder.mkdir()
    return postgres.new_database(like=importer.database_url.rpartition("/")[2])


def is_sending(importer: Importer) -> bool:
    with importer.store.read() as tx:
        return senders.current(tx) is not None


def reasons(store: Store) -> list[str]:
    with store.read() as tx:
        return [one.reason or "" for one in stops.in_force(tx)]


@pytest.mark.parametrize("importer", ["sqlite", "postgres"], indirect=True)
def test_a_copied_desk_sends_nothing_before_start(
    practice_blnk: PracticeBlnk,
    importer: Importer,
    commands: Commands,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    made = half_way(practice_blnk, importer)
    server = None if importer.store.is_sqlite else request.getfixturevalue("postgres")
    url = copied(importer, tmp_path / "copy", server)
    with Importer(practice_blnk, tmp_path / "copy", monkeypatch, database_url=url) as there:
        practice_blnk.forget_requests()
        there.start()
        there.wait_until_at_work(made)
        assert create_count_at_rest(practice_blnk) == 0
        [why] = reasons(there.store)
        assert REASON in why
        assert there.find(made.id).has_sent
        assert commands.call("start").code == 0
        there.wait_for(made, ImportState.DONE)
        refs = practice_blnk.refs()
        assert len(refs) == len(set(refs)) == 200
        there.stop()
        there.start()
        wait_until(lambda: is_sending(there), lambda: "no sender")
        assert reasons(there.store) == [], "it lives here now"


def test_a_command_on_a_copied_desk_sends_nothing_either(
    practice_blnk: PracticeBlnk,
    importer: Importer,
    commands: Commands,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    importer.run(requests_for(1))
    importer.stop()
    made = importer.draft(requests_for(3)[1:])
    importer.confirm(made)
    url = copied(importer, tmp_path / "copy", None)
    with Importer(practice_blnk, tmp_path / "copy", monkeypatch, database_url=url) as there:
        practice_blnk.forget_requests()
        told = commands.call("resume", made.id, "--progress", "none")
        assert told.code != 0
        assert REASON in told.out + told.err
        assert create_count_at_rest(practice_blnk) == 0
        there.store.close()


def test_a_desk_that_is_restarted_or_moved_as_a_whole_continues(
    practice_blnk: PracticeBlnk, importer: Importer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = half_way(practice_blnk, importer)
    importer.store.close()
    importer.data_dir.rename(tmp_path / "moved")
    url = f"sqlite:///{tmp_path}/moved/journal.db"
    with Importer(practice_blnk, tmp_path / "moved", monkeypatch, database_url=url) as there:
        there.start()
        there.wait_for(made, ImportState.DONE)
        assert reasons(there.store) == []


def settled(store: Store) -> bool:
    with store.write() as tx:
        return copied_store.settle(tx, who=SENDER, reason="Copied.", about_tokens="Old tokens.")


def test_a_desk_settles_once_where_it_is(store: Store) -> None:
    assert [settled(store) for _ in range(3)] == [False] * 3
    with store.write() as tx:
        tx.execute(text("UPDATE home SET place = 'elsewhere'"))
    assert [settled(store) for _ in range(3)] == [True, False, False]
    assert reasons(store) == ["Copied."]


def test_renewed_tokens_of_a_copy_are_reported_as_outdated(store: Store) -> None:
    kept = {"connection_key": "here", "descends_from": "0", "generation": 1, "sealed": b"", "expires_at": 1.0}
    settled(store)
    with store.write() as tx:
        tx.execute(insert(tables.tokens).values(**kept))
        tx.execute(text("UPDATE home SET place = 'elsewhere'"))
    assert settled(store)
    assert reasons(store) == ["Copied. Old tokens."]


def test_a_server_without_an_identifier_is_recognized_by_its_database(postgres: Postgres) -> None:
    postgres.execute("CREATE ROLE guest LOGIN")
    url = postgres.new_database(like="migrated")
    name = url.rpartition("/")[2]
    postgres.execute(f'ALTER DATABASE "{name}" OWNER TO guest')
    owner = Store(url)
    with owner.write() as tx:
        tx.execute(text("REVOKE EXECUTE ON FUNCTION pg_control_system FROM PUBLIC"))
        tx.execute(text("GRANT ALL ON ALL TABLES IN SCHEMA public TO guest"))
        tx.execute(text("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO guest"))
    owner.close()
    store = Store(url.replace("postgres@", "guest@"))
    assert [settled(store), settled(store)] == [False, False]
    store.close()
