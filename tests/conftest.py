"""What every test may use: one practice Blnk for the whole run, emptied before each test, and an importer."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.importing import Importer
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


@pytest.fixture
def importer(
    practice_blnk: PracticeBlnk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Importer]:
    """A journal of its own, connected to the practice Blnk as a sandbox, with short waits."""
    with Importer(practice_blnk, tmp_path / "data", monkeypatch) as made:
        yield made
