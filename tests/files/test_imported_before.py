"""A file that an earlier version imported makes nothing new, however differently it is read today.

`data/imported-before` is what a version of November 2026 left behind that imported all of samples-2: its
database, and the balances that Blnk then held.
"""

import json
import shutil
import sqlite3
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import update

from blnk_api.cli.checking import check
from blnk_api.cli.session import Session
from blnk_api.drafts import drafts
from blnk_api.facts.mapping import ForAllRows
from blnk_api.store import Store, imports, rows, tables
from blnk_api.store.imports import Import
from blnk_api.store.states import RowState, Stage
from tests.support.actors import actor
from tests.support.importer import mapping_of
from tests.support.practice import PracticeBlnk

HERE = Path(__file__).parents[1]
SAMPLES = HERE / "samples-2"
BEFORE = HERE / "data" / "imported-before"
FILES = sorted(path for path in SAMPLES.iterdir() if path.suffix in (".csv", ".xlsx"))


@pytest.fixture(scope="module")
def blnk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PracticeBlnk]:
    """Holds what the earlier version created."""
    folder = tmp_path_factory.mktemp("before")
    with PracticeBlnk(folder, seed=SAMPLES / "environment.json") as blnk:
        store = sqlite3.connect(folder / "practice" / "practice.sqlite")
        for one in json.loads((BEFORE / "balances.json").read_text("utf-8")):
            moment = datetime.fromisoformat(one["created_at"].removesuffix("Z")[:26]).replace(tzinfo=UTC)
            created = round(moment.timestamp() * 1_000_000)
            store.execute(
                "INSERT INTO balances (balance_id, ledger_id, identity_id, currency, created_at, "
                "committed_at, meta_data, track_fund_lineage, allocation_strategy) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, 0, 'FIFO')",
                (
                    one["balance_id"],
                    one["ledger_id"],
                    one.get("identity_id"),
                    one["currency"],
                    created,
                    created,
                    json.dumps(one["meta_data"]),
                ),
            )
        store.commit()
        store.close()
        yield blnk


@pytest.fixture
def opened(blnk: PracticeBlnk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """The earlier version's database, taken over by this one."""
    secrets = tmp_path / "secrets.toml"
    secrets.write_text(
        f'practice = false\n[connections.here]\nbase_url = "{blnk.url}"\nenvironment = "sandbox"\n'
        f'instance_id = "{blnk.instance_id}"\naccess_token = "{blnk.token}"\nrequests_per_minute = 600000\n'
    )
    data = tmp_path / "data"
    data.mkdir()
    shutil.copy(BEFORE / "journal.db", data / "journal.db")
    store = Store(f"sqlite:///{data / 'journal.db'}")
    store.migrate()
    with store.write() as tx:
        tx.execute(update(tables.instances).values(base_url=blnk.url, instance_id=blnk.instance_id))
    store.close()
    monkeypatch.setenv("BLNK_DATA_DIR", str(data))
    monkeypatch.setenv("BLNK_SECRETS_FILE", str(secrets))
    with Session() as opened:
        yield opened


def uploaded(opened: Session, path: Path) -> Import:
    """Checked, as far as it comes."""
    id = imports.new_id()
    connection = opened.settings.connections["here"]
    expected = json.loads(
        (SAMPLES / "expected" / f"{path.stem.split('+')[0]}{path.suffix}.json").read_text("utf-8")
    )
    mapping = None
    if "currency" in expected:
        with opened.store.read() as tx:
            before = next(one for one in imports.newest(tx) if one.file_name == path.name.replace("+", ""))
        mapping = mapping_of(before).model_copy(
            update={"for_all_rows": ForAllRows(currencies=(expected["currency"],))}
        )
    with path.open("rb") as data:
        drafts.upload(
            opened.store,
            opened.settings,
            id=id,
            connection=connection,
            who=actor(),
            file_name=path.name,
            data=data,
            mapping=mapping,
            accepted_currencies=expected.get("accepted", []),
        )
    return check(opened, id, connection)


def was_imported(opened: Session, name: str) -> bool:
    with opened.store.read() as tx:
        before = [one for one in imports.newest(tx) if one.file_name == name and one.confirmed_at]
    return any(one.counts.get(RowState.CREATED) or one.counts.get(RowState.EXISTS) for one in before)


def refused_before(opened: Session, name: str) -> set[int]:
    """Rows of which that version made no balance, as it could not read them."""
    with opened.store.read() as tx:
        before = [one for one in imports.newest(tx) if one.file_name == name and one.confirmed_at]
        states = [RowState.INVALID]
        return {row.number for one in before for row in rows.page(tx, one.number, states=states)}


def is_nothing_new(opened: Session, draft: Import, name: str) -> bool:
    """Whether each row that would be sent is one of which no balance was made."""
    with opened.store.read() as tx:
        new = {row.number for row in rows.page(tx, draft.number, states=[RowState.READY])}
    return new <= refused_before(opened, name)


def told(opened: Session, draft: Import) -> list[str]:
    with opened.store.read() as tx:
        return [f"{one.label} {one.state}: {one.message}" for one in rows.page(tx, draft.number)]


@pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])
def test_the_same_file_creates_nothing_where_it_created_balances(opened: Session, path: Path) -> None:
    draft = uploaded(opened, path)
    if not was_imported(opened, path.name):
        return
    assert draft.stage in (Stage.CHECKED, Stage.UNREADABLE, Stage.MATCHING)
    assert is_nothing_new(opened, draft, path.name), told(opened, draft)


NOT_TOLD_APART = ("d05_r_mixed_empty.xlsx",)
"""A cell that stood in another column then is no longer in the row, which has nothing else of its own."""
OTHERS = [path for path in FILES if path.name not in NOT_TOLD_APART]


@pytest.mark.parametrize("path", OTHERS, ids=[path.name for path in OTHERS])
def test_the_same_rows_in_another_file_create_nothing(opened: Session, path: Path, tmp_path: Path) -> None:
    other = tmp_path / f"{path.stem}+{path.suffix}"
    shutil.copy(path, other)
    if path.suffix == ".xlsx":
        with zipfile.ZipFile(other, "a") as book:
            book.comment = b"saved again"
    else:
        other.write_bytes(path.read_bytes().rstrip(b"\r\n") + b"\r\n\r\n")
    draft = uploaded(opened, other)
    if not was_imported(opened, path.name):
        return
    assert is_nothing_new(opened, draft, path.name), told(opened, draft)
