"""A loop that polls the store is woken when there is something to see."""

import asyncio
from pathlib import Path

import pytest

from blnk_api.store import Store, async_store
from blnk_api.store.async_store import AsyncStore, Changes
from blnk_api.store.sending import senders


class Counted(Changes):
    """Says when the store was asked whether it was written."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.is_asked = asyncio.Event()

    def _version(self) -> int | None:
        self.is_asked.set()
        return super()._version()

    async def asked_again(self, times: int) -> None:
        for _ in range(times):
            self.is_asked.clear()
            await self.is_asked.wait()


def test_what_another_process_writes_is_noticed_though_the_next_look_is_far_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(async_store, "_LOOKED_AT_ANYHOW", 1_000_000)
    here, other = (Store(f"sqlite:///{tmp_path / 'journal.db'}") for _ in range(2))
    here.migrate()

    async def notice() -> None:
        changes = Counted(here)
        await changes.wait(0.01)
        for _ in range(2):
            waiting = asyncio.create_task(changes.wait(0.01))
            await changes.asked_again(5)
            assert not waiting.done(), "nothing was written"
            with other.write() as tx:
                senders.register(tx, token="t", owner="another process")
            await waiting
        changes.close()

    asyncio.run(notice())
    here.close()
    other.close()


def test_the_store_is_polled_from_time_to_time_in_any_case(store: Store) -> None:
    async def look() -> None:
        thread = AsyncStore(store)
        changes = thread.changes()
        for _ in range(3):
            await changes.wait(0.01)
        thread.close()

    asyncio.run(look())


def test_an_event_in_the_process_itself_is_noticed_at_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(async_store, "_LOOKED_AT_ANYHOW", 1_000_000)

    async def look() -> None:
        changes, event = Changes(store), asyncio.Event()
        await changes.wait(1_000)
        waiting = asyncio.create_task(changes.wait(1_000, event))
        await asyncio.sleep(0)
        event.set()
        await waiting
        changes.close()

    asyncio.run(look())
