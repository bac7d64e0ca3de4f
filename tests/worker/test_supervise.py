"""The helpers of an app: which of them start, and that none keeps the others from it."""

import asyncio
from pathlib import Path

import pytest

from blnk_api.store import Store
from blnk_api.store.sending import senders
from blnk_api.worker import supervise
from tests.support.importer import wait_until
from tests.support.postgres import Postgres


def sends(store: Store) -> bool:
    with store.read() as tx:
        return senders.current(tx) is not None


@pytest.fixture
def no_folder(tmp_path: Path) -> Path:
    """Where no data folder can be made, as on a server without a disk."""
    (tmp_path / "a file").touch()
    return tmp_path / "a file" / "data"


def test_on_postgres_a_server_without_a_disk_sends_and_says_that_practice_cannot_start(
    postgres: Postgres, no_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    url = postgres.new_database(like="migrated")
    monkeypatch.setenv("BLNK_DATABASE_URL", url)
    monkeypatch.setenv("BLNK_DATA_DIR", str(no_folder))
    monkeypatch.setenv("BLNK_SECRETS_FILE", "")
    store = Store(url)

    async def run() -> None:
        async with supervise.helpers():
            await asyncio.to_thread(wait_until, lambda: sends(store), lambda: caplog.text)

    asyncio.run(run())
    store.close()
    assert "Practice cannot start: " in caplog.text
    assert "Set practice = false in the secrets file" in caplog.text
    assert not no_folder.exists()


def test_a_server_whose_sender_runs_elsewhere_starts_none(
    postgres: Postgres, no_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLNK_DATABASE_URL", postgres.new_database(like="migrated"))
    monkeypatch.setenv("BLNK_DATA_DIR", str(no_folder))
    monkeypatch.setenv("BLNK_SECRETS_FILE", "")
    monkeypatch.setenv("BLNK_SENDER", "elsewhere")

    def begins() -> None:
        raise AssertionError("it starts one")

    monkeypatch.setattr(supervise, "_start_sender", begins)

    async def run() -> None:
        async with supervise.helpers():
            everything = asyncio.all_tasks() - {asyncio.current_task()}
            await asyncio.gather(*everything)  # nothing is left that could start one later

    asyncio.run(run())
