"""The helpers of an app: which of them start, and that none keeps the others from it."""

import asyncio
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from blnk_api import settings
from blnk_api.environment_settings import Waits
from blnk_api.practice import launch
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


@pytest.mark.parametrize(("late_answers", "starts"), [(1, 1), (3, 2)])
def test_a_practice_that_answers_late_is_not_ended_and_one_that_is_silent_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late_answers: int, starts: int
) -> None:
    now = [0.0]
    answers = iter([False, True, *([False] * late_answers), True])
    begun: list[subprocess.Popen[bytes]] = []

    async def run() -> None:
        over = asyncio.Event()
        loop = asyncio.get_running_loop()

        def answer(_: Path) -> bool:
            now[0] += 4
            try:
                return next(answers)
            except StopIteration:
                loop.call_soon_threadsafe(over.set)
                return True

        async def ten_seconds(_: object) -> None:
            now[0] += 10
            await asyncio.sleep(0)

        def start(_: Path) -> subprocess.Popen[bytes]:
            begun.append(subprocess.Popen(["cat"], stdin=subprocess.PIPE))
            return begun[-1]

        monkeypatch.setattr(launch, "running", answer)
        monkeypatch.setattr(launch, "start", start)
        monkeypatch.setattr(supervise, "_until_next_look", ten_seconds)
        monkeypatch.setattr(supervise, "time", SimpleNamespace(monotonic=lambda: now[0]))
        chosen = replace(settings.load(), data_dir=tmp_path, waits=Waits(practice_start=10))
        keeping = asyncio.create_task(supervise._keep_practice(chosen, asyncio.Event()))
        await over.wait()
        keeping.cancel()
        await asyncio.wait({keeping})

    asyncio.run(run())
    assert len(begun) == starts
