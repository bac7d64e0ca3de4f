"""What every test may use: one practice Blnk for the whole run, emptied before each test, and an importer.

A test that is to hold on both databases takes `journal` or `database_url`, which make it run on each, or says
`@pytest.mark.parametrize("importer", BOTH_DATABASES, indirect=True)`.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from blnk_api.imports.journal import Journal
from tests.importing import BOTH_DATABASES, Importer
from tests.postgres import Postgres
from tests.practice import PracticeBlnk

LEDGER = "ldg_11111111-1111-4111-8111-111111111111"
ENVIRONMENT = Path(__file__).parent / "samples" / "environment.json"


@pytest.fixture(scope="session")
def _one_practice_blnk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PracticeBlnk]:
    with PracticeBlnk(tmp_path_factory.mktemp("practice"), seed=ENVIRONMENT) as blnk:
        yield blnk


@pytest.fixture
def practice_blnk(_one_practice_blnk: PracticeBlnk) -> PracticeBlnk:
    """A practice Blnk that holds nothing but its ledgers and identities, and has no faults."""
    _one_practice_blnk.reset()
    return _one_practice_blnk


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server for the whole run; its database "migrated" is an empty journal, for copies."""
    with Postgres() as server:
        server.execute("CREATE DATABASE migrated")
        template = Journal(server.url("migrated"))
        template.migrate()
        template.close()
        yield server


@pytest.fixture(params=BOTH_DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a journal of this test's own may be made, on each kind of database."""
    return _database_url(request, request.param) or f"sqlite:///{tmp_path / 'journal.db'}"


@pytest.fixture
def journal(database_url: str) -> Iterator[Journal]:
    """An empty journal, on each kind of database."""
    opened = Journal(database_url)
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture
def importer(
    request: pytest.FixtureRequest,
    practice_blnk: PracticeBlnk,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Importer]:
    """A journal of its own, connected to the practice Blnk as a sandbox, with short waits."""
    url = _database_url(request, getattr(request, "param", "sqlite"))
    with Importer(practice_blnk, tmp_path / "data", monkeypatch, database_url=url) as made:
        yield made


def _database_url(request: pytest.FixtureRequest, kind: str) -> str | None:
    if kind == "sqlite":
        return None
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_database(like="migrated")
