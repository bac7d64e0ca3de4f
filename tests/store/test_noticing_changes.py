"""A loop that polls the store is woken when there is something to see."""

import asyncio
import os
from pathlib import Path

import pytest
from sqlalchemy import update

from blnk_api.store import Store, async_store, folder_watch, tables
from blnk_api.store.async_store import AsyncStore
from blnk_api.store.sending import lock, senders

FAR_AWAY_SECONDS = 1_000.0


def register(store: Store) -> None:
    with store.write() as tx:
        senders.register(tx, token="t", owner="another process")


@pytest.mark.parametrize("system", ["tells of files", "does not"])
def test_what_another_process_writes_is_noticed_though_the_next_look_is_far_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str
) -> None:
    if system == "does not":
        monkeypatch.setattr(folder_watch, "watch", lambda _: None)
    else:  # whatever is noticed then, the file told
        monkeypatch.setattr(async_store, "_ASKED_ANYHOW_SECONDS", FAR_AWAY_SECONDS)
    here, other = (Store(f"sqlite:///{tmp_path / 'journal.db'}") for _ in range(2))
    here.migrate()

    async def notice() -> None:
        thread = AsyncStore(here)
        changes = thread.changes()
        await changes.wait(0.01)
        for _ in range(3):
            waiting = asyncio.create_task(changes.wait(0.01, anyhow_seconds=FAR_AWAY_SECONDS))
            await asyncio.sleep(0.05)
            assert not waiting.done(), "nothing was written"
            await asyncio.to_thread(register, other)
            assert await waiting
        thread.close()

    asyncio.run(notice())
    here.close()
    other.close()


def test_what_was_written_before_a_loop_waits_is_noticed(tmp_path: Path) -> None:
    here, other = (Store(f"sqlite:///{tmp_path / 'journal.db'}") for _ in range(2))
    here.migrate()

    async def notice() -> None:
        thread = AsyncStore(here)
        changes = thread.changes()
        await changes.wait(0.01)
        register(other)
        assert await changes.wait(0.01, anyhow_seconds=FAR_AWAY_SECONDS)
        thread.close()

    asyncio.run(notice())
    here.close()
    other.close()


def test_whatever_the_store_says_it_is_looked_at_from_time_to_time(store: Store) -> None:
    async def look() -> None:
        thread = AsyncStore(store)
        changes = thread.changes()
        for _ in range(3):
            await changes.wait(0.01, anyhow_seconds=0.02)
        thread.close()

    asyncio.run(look())


def test_an_event_in_the_process_itself_is_waited_for_no_longer(store: Store) -> None:
    async def look() -> None:
        thread = AsyncStore(store)
        changes, event = thread.changes(), asyncio.Event()
        await changes.wait(FAR_AWAY_SECONDS)
        waiting = asyncio.create_task(changes.wait(FAR_AWAY_SECONDS, event, anyhow_seconds=FAR_AWAY_SECONDS))
        await asyncio.sleep(0)
        event.set()
        await waiting
        thread.close()

    asyncio.run(look())


def test_a_desk_whose_sender_lives_is_not_written_to_for_that(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'journal.db'}")
    store.migrate()
    with store.write() as tx:
        senders.register(tx, token="t", owner="an app")
        tx.execute(update(tables.senders).values(beat_at=tables.senders.c.beat_at - 60))
    with store.read() as tx:
        assert senders.current(tx) is None, "it was not heard of for a minute"
    lock.beat(store)
    with store.read() as tx:
        assert senders.current(tx) is not None
        since, heard_at = senders.last_heard(tx) or (0.0, 0.0)
        assert heard_at > since - 30
    os.utime(tmp_path / lock.BEAT_FILE, (1_700_000_000, 1_700_000_000))
    lock.beat(store)
    with store.read() as tx:
        assert senders.current(tx) is not None
    os.utime(tmp_path / lock.BEAT_FILE, (1_700_000_000, 1_700_000_000))
    with store.read() as tx:
        assert senders.current(tx) is None
    store.close()
