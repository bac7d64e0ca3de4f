"""A sender's engines: one for each instance with a connection in the current secrets file."""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Collection, Mapping

from blnk_api import settings as settings_module
from blnk_api.errors import SettingsProblem
from blnk_api.lookup.looker import Looker
from blnk_api.sending.instance_sending import InstanceSending, engine_for
from blnk_api.sending.posting import OnPost
from blnk_api.settings import Connection, Settings
from blnk_api.store import Store, import_acts, instance_numbers
from blnk_api.store.async_store import AsyncStore
from blnk_api.store.sending import recovery
from blnk_api.store.sending.leases import Lease, LeaseLost, Leases, served_lately

log = logging.getLogger("blnk.worker")

_LOOK_SECONDS = 0.05
_LOOKS = 100
"""What has not been answered by then is in doubt, and looked up by whoever sends next."""


def _unmeasured(_connection: str) -> OnPost:
    return lambda _outcome, _seconds: None


class Engines:
    """Starts, replaces and stops engines as connections are added, changed and removed."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        thread: AsyncStore,
        *,
        wall: Callable[[], float] = time.time,
        on_post: Callable[[str], OnPost] = _unmeasured,
        takes: Callable[[int], bool] = lambda _instance: True,
    ) -> None:
        """`on_post` returns, for a connection's name, the function to call for each of its POSTs. `takes`
        returns whether sending to an instance may start here now."""
        self.settings = settings
        self.addressed = settings
        """As last read. Changed notification addresses alone do not replace the engine."""
        self._store = store
        self._thread = thread
        self._wall = wall
        self._on_post = on_post
        self._takes = takes
        self._leaving: set[int] = set()
        self._numbers: dict[str, int] = {}
        """The instances of today's connections, by the connection's name."""
        self._running: dict[str, InstanceSending] = {}
        self._wanted: Mapping[str, Connection] = {}
        self._leases: dict[int, Lease] = {}
        self._seen: Mapping[str, Connection] = {}
        self._read: Mapping[str, Connection] | None = None
        self._are_settled = False
        """Whether they were read twice with the same result: a file that is being written is empty for a
        moment."""
        self._files: Collection[object] = ()
        """The settings' files before they were last read."""

    @property
    def running(self) -> list[InstanceSending]:
        return list(self._running.values())

    @property
    def serves(self) -> list[int]:
        return [one.instance for one in self._running.values()]

    @property
    def reaches(self) -> list[int]:
        """The instances that could be sent to, with today's credentials."""
        return sorted(set(self._numbers.values()))

    @property
    def lookers(self) -> dict[int, Looker]:
        """By instance."""
        return {one.instance: one.engine.looker for one in self._running.values()}

    def raise_if_broken(self) -> None:
        """Raises LeaseLost, or whatever broke."""
        if any(one.is_lost for one in self._leases.values()):
            raise LeaseLost
        for one in self._running.values():
            one.raise_if_broken()

    def have_nothing_to_follow(self) -> bool:
        """Whether the settings' files are the ones that were read, and all that they ask for is done."""
        served = {one.connection.instance for one in self._running.values()}
        return (
            self._are_settled
            and all(one.instance in served for one in self._wanted.values())
            and settings_module.files_as_of_now(self.addressed) == self._files
        )

    async def follow_secrets(self, leases: Leases) -> None:
        """Starts, replaces and stops engines to match the current connections, for instances that no other
        process sends to. That an instance has no connection anymore must have been read twice; changed
        credentials take effect at once."""
        files = settings_module.files_as_of_now(self.addressed)
        try:
            settings = settings_module.load()
        except SettingsProblem as problem:
            self._files = ()
            log.warning("%s", problem)
            return
        self._files = files
        self.addressed = settings
        self._are_settled = settings.connections == self._read
        self._read = settings.connections
        if settings.connections != self._seen:
            wanted = {name: one for name, one in settings.connections.items() if one.url}
            left = {one.instance for one in wanted.values()}
            if not self._are_settled and any(
                one.connection.instance not in left for one in self._running.values()
            ):
                return
            self.settings, self._wanted = settings, wanted
            self._numbers = {
                name: await self._thread.write(instance_numbers.number_for, one.instance)
                for name, one in wanted.items()
            }
            await self._stop_replaced()
        for name, connection in self._wanted.items():
            served = {one.connection.instance for one in self._running.values()}
            if name not in self._running and connection.instance not in served:
                await self._start(name, connection, leases)
        self._seen = settings.connections

    async def _stop_replaced(self) -> None:
        for name in [name for name, one in self._running.items() if self._wanted.get(name) != one.connection]:
            stopped = self._running.pop(name)
            await stopped.stop()
            # Its rows in flight were cut off: their outcomes will not be recorded.
            await self._recover(stopped.instance)
        served = {one.instance for one in self._wanted.values()}
        for number in set(self._leases):
            if await self._thread.read(instance_numbers.instance_numbered, number) not in served:
                await asyncio.to_thread(self._leases.pop(number).release)

    async def _recover(self, instance: int) -> int:
        guarded = self._thread.guarded_by(self._leases[instance].require)
        return await guarded.write(recovery.recover, instance)

    async def _start(self, name: str, connection: Connection, leases: Leases) -> None:
        """Unless another process sends to the instance: then it is asked for again."""
        number = self._numbers[name]
        if number in self._leaving:
            return
        if number not in self._leases:
            if not self._takes(number):
                return
            lease = await asyncio.to_thread(leases.take, number)
            if lease is None:
                return
            self._leases[number] = lease
            left = await self._recover(number)
            if not self._store.is_sqlite:
                log.info(
                    "Sender: process %d is sending to “%s”. Rows left in doubt by the previous sender: %d.",
                    os.getpid(),
                    name,
                    left,
                )
        self._running[name] = await engine_for(
            self.settings,
            connection,
            self._store,
            self._thread,
            self._leases[number],
            wall=self._wall,
            on_post=self._on_post(name),
        )

    async def stop_strays(self) -> None:
        """Pauses imports without a connection, with the reason."""
        if not self._are_settled:
            return
        instances = {one.instance for one in self.settings.connections.values()}
        # A sender on another machine may have the connection.
        instances |= await self._thread.read(served_lately)
        if await self._thread.read(import_acts.strays, instances):
            await self._thread.write(import_acts.pause_strays, instances)

    async def recover_strays(self, leases: Leases) -> None:
        """Of instances that no sender serves anymore: their rows, too, say that they are in doubt."""
        for number in await self._thread.read(recovery.instances_left):
            if (lease := await asyncio.to_thread(leases.take, number)) is not None:
                await self._thread.write(recovery.recover, number)
                await asyncio.to_thread(lease.release)

    def rows_underway(self, instance: int) -> int:
        """Rows that are claimed or on their way to Blnk."""
        lanes = [one.engine.lanes for one in self._running.values() if one.instance == instance]
        return sum(lane.out for each in lanes for lane in each.values())

    async def leave(self, instance: int) -> None:
        """Stops sending to it, for another process to begin. What is on its way is waited for a moment."""
        self._leaving.add(instance)
        try:
            for name, one in [each for each in self._running.items() if each[1].instance == instance]:
                one.engine.is_leaving = True
                for _ in range(_LOOKS):
                    if not self.rows_underway(instance):
                        break
                    await asyncio.sleep(_LOOK_SECONDS)
                self._running.pop(name, None)
                await one.stop()
                await self._recover(instance)
            if lease := self._leases.pop(instance, None):
                await asyncio.to_thread(lease.release)
        finally:
            self._leaving.discard(instance)

    async def stop(self) -> None:
        await asyncio.gather(*(one.stop() for one in self._running.values()))
