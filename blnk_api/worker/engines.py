"""A sender's engines: one for each instance that a connection means, as the secrets file has them now."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping

from blnk_api import settings as settings_module
from blnk_api.errors import SettingsProblem
from blnk_api.lookup.looker import Looker
from blnk_api.sending.engine import OnPost
from blnk_api.sending.running import Running, engine_for
from blnk_api.settings import Connection, Settings
from blnk_api.store import Store, import_acts
from blnk_api.store.async_store import AsyncStore
from blnk_api.store.sending import recovery
from blnk_api.store.sending.lock import SenderLock

log = logging.getLogger("blnk.worker")


def _unmeasured(_connection: str) -> OnPost:
    return lambda _outcome, _seconds: None


class Engines:
    """Started, replaced and stopped as connections come, change and go."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        thread: AsyncStore,
        *,
        wall: Callable[[], float] = time.time,
        on_post: Callable[[str], OnPost] = _unmeasured,
    ) -> None:
        """`on_post` gives, for a connection's name, what is told of each of its POSTs."""
        self.settings = settings
        self.addressed = settings
        """As last read: other addresses alone do not make another sender."""
        self._store = store
        self._thread = thread
        self._wall = wall
        self._on_post = on_post
        self._running: dict[str, Running] = {}
        self._seen: Mapping[str, Connection] = {}
        self._read: Mapping[str, Connection] | None = None
        self._are_settled = False
        """They were read twice and said the same: a file that someone writes is empty for a moment."""

    @property
    def running(self) -> list[Running]:
        return list(self._running.values())

    @property
    def serves(self) -> list[int]:
        return [one.instance for one in self._running.values()]

    @property
    def lookers(self) -> dict[int, Looker]:
        """By instance."""
        return {one.instance: one.engine.looker for one in self._running.values()}

    def raise_if_broken(self) -> None:
        for one in self._running.values():
            one.raise_if_broken()

    async def follow_secrets(self, lock: SenderLock) -> None:
        """Starts, replaces and stops engines so that they are those of today's connections. That an instance
        no longer has one must have been read twice; other credentials are taken at once."""
        try:
            settings = settings_module.load()
        except SettingsProblem as problem:
            log.warning("%s", problem)
            return
        self.addressed = settings
        self._are_settled = settings.connections == self._read
        self._read = settings.connections
        if settings.connections == self._seen:
            return
        wanted = {name: one for name, one in settings.connections.items() if one.url}
        left = {one.instance for one in wanted.values()}
        if not self._are_settled and any(
            one.connection.instance not in left for one in self._running.values()
        ):
            return
        self.settings = settings
        for name in [name for name, one in self._running.items() if wanted.get(name) != one.connection]:
            stopped = self._running.pop(name)
            await stopped.stop()
            # What it had in flight was cut off: nobody will record what came of it.
            await self._thread.write(recovery.recover, stopped.instance)
        for name, connection in wanted.items():
            served = {one.connection.instance for one in self._running.values()}
            if name not in self._running and connection.instance not in served:
                self._running[name] = await engine_for(
                    settings,
                    connection,
                    self._store,
                    self._thread,
                    lock,
                    wall=self._wall,
                    on_post=self._on_post(name),
                )
        self._seen = settings.connections

    async def stop_strays(self) -> None:
        """An import that no connection leads to now stops and says so."""
        if not self._are_settled:
            return
        instances = {one.instance for one in self.settings.connections.values()}
        if await self._thread.read(import_acts.strays, instances):
            await self._thread.write(import_acts.pause_strays, instances)

    async def stop(self) -> None:
        await asyncio.gather(*(one.stop() for one in self._running.values()))
