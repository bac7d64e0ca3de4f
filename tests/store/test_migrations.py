"""A store of any version opens in this one, and its schema is then the one that the code expects."""

import shutil
import sqlite3
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import func, select, text
from sqlalchemy.schema import SchemaItem

from blnk_api.common import watched_process
from blnk_api.facts.findings import Findings
from blnk_api.store import Store, StoreUnavailable, database, events, imports, rows
from blnk_api.store.migrations import new_sqlite
from blnk_api.store.people import notes, people
from blnk_api.store.search import row_history
from blnk_api.store.sending import late_records, recovery, senders
from blnk_api.store.states import PausedBy, RowState
from blnk_api.store.tables import metadata
from blnk_api.store.tables.base import ONLY_ON
from blnk_api.store.trail.verify import verify
from blnk_api.wording import phrases
from tests.journals import make
from tests.support.postgres import Postgres

JOURNALS = Path(__file__).parents[1] / "journals"
KEPT = sorted(JOURNALS.glob("*.db"))
LINKED = ("events", "desk_events")


@pytest.fixture(params=["sqlite", "postgres"])
def nothing(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without any table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'new' / 'journal.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_database()


def is_of(store: Store) -> Callable[[SchemaItem, *tuple[object, ...]], bool]:
    """What Alembic asks of each object: leaves out indexes that only the other kind of database has."""
    dialect = store.engine.dialect.name
    return lambda item, *_: item.info.get(ONLY_ON, dialect) == dialect


def differences(store: Store) -> list[object]:
    with store.engine.connect() as connection:
        # SQLite writes a default of '' differently.
        compare = {"compare_server_default": not store.is_sqlite, "include_object": is_of(store)}
        context = MigrationContext.configure(connection, opts=compare)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*expression-based index")
            found: list[object] = list(compare_metadata(context, metadata))
        if store.is_sqlite:  # where Alembic does not compare indexes of expressions
            named = text("SELECT name FROM sqlite_master WHERE type = 'index' AND sql <> ''")
            found += set(connection.execute(named).scalars()) ^ {
                index.name
                for table in metadata.tables.values()
                for index in table.indexes
                if is_of(store)(index)
            }
        return found


def test_migrations_from_nothing_make_the_schema_of_the_code(nothing: str) -> None:
    store = Store(nothing)
    store.migrate()
    assert differences(store) == []
    store.migrate()
    store.close()


def test_a_new_store_on_sqlite_begins_with_what_all_migrations_make() -> None:
    assert new_sqlite.FILE.read_text("utf-8") == make.schema_of_migrations(), (
        "run tests/journals/make.py, as CONTRIBUTING.md says of a migration"
    )


def test_a_store_that_was_begun_with_tables_of_an_earlier_version_is_migrated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = sqlite3.connect(KEPT[0])
    schema = "\n\n".join(sql for (sql,) in earlier.execute("SELECT sql FROM sqlite_master WHERE sql <> ''"))
    (version,) = earlier.execute("SELECT version_num FROM alembic_version").fetchone()
    earlier.close()
    file = tmp_path / "earlier.sql"
    file.write_text(f"{schema}\n\nINSERT INTO alembic_version VALUES ('{version}')")
    monkeypatch.setattr(new_sqlite, "FILE", file)
    store = Store(f"sqlite:///{tmp_path / 'journal.db'}")
    store.migrate()
    assert differences(store) == []
    store.close()


def test_processes_that_start_together_migrate_once(nothing: str) -> None:
    begin = threading.Barrier(4)

    def open_it(_: int) -> None:
        store = Store(nothing)
        begin.wait()
        store.migrate()
        store.close()

    with ThreadPoolExecutor() as pool:
        list(pool.map(open_it, range(4)))
    store = Store(nothing)
    assert differences(store) == []
    store.close()


def test_every_version_of_the_schema_has_a_stored_database() -> None:
    scripts = ScriptDirectory(str(Path(database.__file__).parent / "migrations"))
    revisions = {script.revision for script in scripts.walk_revisions()}
    assert {path.stem for path in KEPT} == revisions
    files = (Path(database.__file__).parent / "migrations" / "versions").glob("v*.py")
    assert {path.name[1:5] for path in files} == revisions, "by their names they are known without Alembic"


def test_a_store_that_is_new_or_up_to_date_is_opened_without_loading_alembic(nothing: str) -> None:
    opens = f"import sys; from blnk_api.store import Store; Store({nothing!r}).migrate()"
    # On Postgres all migrations run once.
    for says in ("False" if nothing.startswith("sqlite") else "True", "False"):
        told = subprocess.check_output(
            [sys.executable, "-c", f"{opens}; print('alembic' in sys.modules)"],
            env=watched_process.environment(),
            text=True,
        )
        assert told.strip() == says


@pytest.mark.parametrize("kept", KEPT, ids=lambda path: path.stem)
def test_a_store_of_an_earlier_version_opens(kept: Path, tmp_path: Path) -> None:
    shutil.copy(kept, tmp_path / "journal.db")
    store = Store(f"sqlite:///{tmp_path / 'journal.db'}")
    store.migrate()
    assert differences(store) == []
    with store.read() as tx:
        draft, made = imports.newest(tx)
        held = rows.page(tx, made.number)
        is_new = kept.stem >= "0008"
        assert {row.state for row in held} == set(RowState) - (set() if is_new else {RowState.SUPERSEDED})
        assert len(held) == made.row_count == (10 if is_new else 9)
        assert (made.paused_by, made.ramp, made.findings) == (PausedBy.BREAKER, 2, Findings(clean=True))
        assert made.created_from == "2026-01-02T03:04:05.678901Z"
        assert events.of_import(tx, made.number)[0].what == "paused"
        assert senders.learned(tx, made.instance_number).per_minute == 600.0
        assert people.name_of(tx, "browser") == "Ada"
        if kept.stem >= "0002":
            told = [phrases.actor(one.who) for one in notes.of_import(tx, made.number)]
            signed = "Grace (grace@acme.example)" if kept.stem >= "0011" else "Ada (not verified)"
            assert told == ["Ada (not verified)", signed]
        assert imports.find(tx, draft.id) == draft
        (lost,) = [row for row in held if row.state is RowState.SENDING]
        assert row_history.attempts_of(tx, lost.id)[0].outcome is None
        assert late_records.of_import(tx, made.number).labels == ("7", "8"), (
            "both were sent, and brought no answer"
        )
        linked = [
            tx.execute(select(func.count()).select_from(metadata.tables[name])).scalar_one()
            for name in LINKED
        ]
    whole = verify(store)
    # Edits from before the trail are one entry for each import.
    assert (whole.breaks, whole.imports) == ((), 2)
    assert whole.events == sum(linked) + (1 if kept.stem >= "0002" else 0)
    with store.write() as tx:
        assert recovery.recover(tx) == 1
    assert (verify(store).breaks, verify(store).events) == ((), whole.events + 1)
    store.close()


def test_the_stored_databases_are_written_by_their_script(tmp_path: Path) -> None:
    make.make(tmp_path / "again.db")
    store = Store(f"sqlite:///{tmp_path / 'again.db'}")
    with store.read() as tx:
        assert {row.state for row in rows.page(tx, 1)} == set(RowState)
    store.close()


def test_a_store_of_a_later_version_is_left_alone_and_says_so(nothing: str) -> None:
    store = Store(nothing)
    store.migrate()
    with store.write() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreUnavailable, match="later version"):
        store.migrate()
    store.close()


def test_a_file_that_is_not_a_store_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_bytes(b"this is not a database" * 1000)
    store = Store(f"sqlite:///{tmp_path / 'journal.db'}")
    with pytest.raises(StoreUnavailable):
        store.migrate()
    store.close()


def test_a_database_that_does_not_answer_is_reported_as_unavailable() -> None:
    store = Store("postgresql://nobody@127.0.0.1:1/nothing")
    with pytest.raises(StoreUnavailable):
        store.migrate()
    store.close()
