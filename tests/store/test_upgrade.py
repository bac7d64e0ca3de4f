"""A desk that the previous version left behind, in the middle of an import: it continues here."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import orjson
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import MetaData, create_engine, insert, select, text

from blnk_api.desk.desk import open_desk
from blnk_api.desk.files_to_postgres import take_over
from blnk_api.reports import results
from blnk_api.store import database, imports
from blnk_api.store.states import ImportState, RowState
from blnk_api.store.trail.verify import verify
from blnk_api.web import receipt_routes
from tests.support.importer import Importer
from tests.support.postgres import Postgres
from tests.support.practice import PracticeBlnk
from tests.support.web import get

KEPT = Path(__file__).parents[1] / "journals" / "desk-0005"
"""Written by the previous release: a file of eight rows that is done, with its receipt, and twelve rows of
which six were created before a person paused; beside them Practice with the fourteen balances."""
REVISION = "0005"
DONE, PAUSED = "imp_1df799b70cd0bcd7645a", "imp_fcf6a44f904dae8b9b47"


@pytest.fixture
def left_behind(tmp_path: Path) -> Path:
    folder = tmp_path / "desk"
    shutil.copytree(KEPT, folder)
    (folder / "practice").chmod(0o700)
    return folder


@pytest.fixture
def blnk(left_behind: Path) -> Iterator[PracticeBlnk]:
    with PracticeBlnk(left_behind) as blnk:
        yield blnk


@pytest.fixture(params=["sqlite", "postgres"])
def importer(
    request: pytest.FixtureRequest, left_behind: Path, blnk: PracticeBlnk, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Importer]:
    """This version on what was left behind, with Blnk under the address that it has today."""
    url = f"sqlite:///{left_behind / 'journal.db'}"
    with closing(create_engine(url).connect()) as connection:
        connection.execute(text("UPDATE instances SET base_url = :url"), {"url": blnk.url})
        connection.commit()
    if request.param == "postgres":
        server: Postgres = request.getfixturevalue("postgres")
        url = _on_postgres(url, server.new_database())
    with Importer(blnk, left_behind, monkeypatch, database_url=url) as made:
        if request.param == "postgres":
            taken = take_over(made.store, made.files, left_behind)
            assert (taken.files, taken.missing, taken.others, taken.has_key) == (2, (), (), False)
        yield made


def _on_postgres(sqlite: str, postgres: str) -> str:
    """The same rows in a Postgres database as the version before would have left it."""
    source, target = create_engine(sqlite), create_engine(postgres)
    config = Config()
    config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
    with target.begin() as tx:
        config.attributes["connection"] = tx
        command.upgrade(config, REVISION)
    tables, old = MetaData(), MetaData()
    tables.reflect(target)
    old.reflect(source)
    with source.connect() as reading, target.begin() as tx:
        for table in tables.sorted_tables:
            if table.name == "alembic_version":
                continue
            held = [dict(row._mapping) for row in reading.execute(select(old.tables[table.name]))]
            if held:
                tx.execute(insert(table), held)
            for column in table.primary_key:
                named = {"table": table.name, "column": column.name}
                counter = tx.execute(text("SELECT pg_get_serial_sequence(:table, :column)"), named).scalar()
                if counter:
                    highest = max((row[column.name] for row in held), default=0)
                    tx.execute(text("SELECT setval(:counter, :n)"), {"counter": counter, "n": highest + 1})
    source.dispose()
    target.dispose()
    return postgres


def test_a_paused_import_of_an_earlier_version_continues_and_creates_each_row_once(
    importer: Importer, blnk: PracticeBlnk
) -> None:
    paused = importer.find(PAUSED)
    assert (paused.state, importer.counts(paused)) == (
        ImportState.PAUSED,
        {RowState.CREATED: 6, RowState.READY: 6},
    )
    importer.start()
    importer.resume(paused)
    done = importer.wait_for(paused, ImportState.DONE)
    assert verify(importer.store).breaks == (), "what happened before is in the trail with the rest"
    assert importer.counts(done) == {RowState.CREATED: 12}
    assert len(blnk.refs()) == len(set(blnk.refs())) == 8 + 12


def test_results_of_the_previous_version_create_nothing_again(importer: Importer, blnk: PracticeBlnk) -> None:
    (kept,) = (KEPT / "receipts" / DONE).glob("*.csv")
    draft = importer.upload(kept.read_text("utf-8-sig"), name="results.csv")
    assert importer.counts(draft) == {RowState.EXISTS: 8}
    with importer.store.read() as tx:
        of_today = b"".join(results.stream(importer.store, imports.by_number(tx, 1), results.Variant.ALL))
    again = importer.upload(of_today.decode("utf-8-sig"), name="results of today.csv")
    assert importer.counts(again) == {RowState.EXISTS: 8}
    assert len(blnk.refs()) == 8 + 6


def test_a_receipt_of_the_previous_version_is_served_as_it_was_written(importer: Importer, host: str) -> None:
    (kept,) = (KEPT / "receipts" / DONE).glob("*.csv")
    url = f"{host}{receipt_routes.receipt_url(open_desk().links, DONE, 1)}"
    written = get(f"{url}.json").json()
    assert (written["import"]["id"], written["results"]["file_name"]) == (
        DONE,
        "customers - results - done - v2-3ab411.csv",
    )
    assert get(f"{url}.csv").content == kept.read_bytes()
    page = get(url).text
    assert written["results"]["sha256"] in page
    assert "Compared what was created with what Blnk holds." in page, "the words of its own version"


def test_a_receipt_with_the_statuses_of_earlier_versions_keeps_their_words(
    importer: Importer, host: str
) -> None:
    earlier = {"Created": 4, "Already existed": 2, "Refused": 1, "Needs a look": 1}
    with importer.store.write() as tx:
        told = orjson.loads(tx.execute(text("SELECT told FROM receipts")).scalar_one())
        told["statuses"] = told["totals"][0]["balances"] = earlier
        tx.execute(text("UPDATE receipts SET told = :told"), {"told": orjson.dumps(told).decode()})
    url = f"{host}{receipt_routes.receipt_url(open_desk().links, DONE, 1)}"
    assert get(f"{url}.json").json()["statuses"] == earlier
    page = get(url).text
    by_ledger, by_status = page.split("Rows by status")
    for word in ("Already existed", "Needs a look"):
        assert by_ledger.count(f">{word}<") == by_status.count(f">{word}<") == 1
    for word in ("Already exists", "Rejected", "Checking in Blnk", "Needs you"):
        assert word not in page
