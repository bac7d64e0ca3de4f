"""A desk behind its gate, for each test."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import signed_in
from tests.support.provider import PERSON, Provider
from tests.support.signed_in import ROLES, Desk


@pytest.fixture
def open_desk(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Without sign-in."""
    shutil.copy(empty_store, tmp_path / "journal.db")
    with signed_in.desk(tmp_path, monkeypatch) as desk:
        yield desk


@pytest.fixture
def desk(open_desk: Desk, provider: Provider) -> Desk:
    """Where Ada may sign in."""
    provider.knows("ada", **PERSON)
    open_desk.write_secrets(provider.secrets(open_desk.url) + ROLES)
    return open_desk
