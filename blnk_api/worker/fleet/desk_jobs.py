"""The jobs that need no engine: receipts, notifications, and what is done now and then for the desk."""

import asyncio
from collections.abc import Callable, Mapping

from sqlalchemy import Connection

from blnk_api.notifications import process
from blnk_api.notifications.owed import to_be_sent
from blnk_api.store import Store
from blnk_api.store.async_store import AsyncStore
from blnk_api.store.outbox import delivery
from blnk_api.store.sending.leases import Leases
from blnk_api.worker import expire_drafts, lapse_approvals, purge_imports
from blnk_api.worker.engines import Engines
from blnk_api.worker.fleet.job_queue import Act, JobFailed
from blnk_api.worker.fleet.jobs import Job, JobKind
from blnk_api.worker.owed_receipts import OwedReceipts
from blnk_api.worker.settings_seen import SettingsWatch


class DeskJobs:
    """Each may be done by two workers at once, as far as the desk's tables are concerned."""

    def __init__(self, store: Store, thread: AsyncStore, engines: Engines, leases: Leases) -> None:
        self._store = store
        self._thread = thread
        self._engines = engines
        self._leases = leases
        self._receipts = OwedReceipts(store)
        self._settings_watch = SettingsWatch(thread)

    @property
    def acts(self) -> Mapping[JobKind, Act]:
        return {
            JobKind.RECEIPT: self._write_receipt,
            JobKind.NOTIFY: self._notify,
            JobKind.LAPSE: self._in_thread(lambda: lapse_approvals.lapse(self._store)),
            JobKind.PURGE: self._in_thread(
                lambda: purge_imports.purge_old(self._store, self._engines.settings)
            ),
            JobKind.CONNECTIONS: self._follow_connections,
        }

    async def wanted(self) -> list[Job]:
        """What is due now, whichever worker does it. Raises SQLAlchemyError."""
        owed = await asyncio.to_thread(self._receipts.look)
        due = await self._thread.read(_are_notices_due)
        notify = [Job.of_desk(JobKind.NOTIFY)] if due else []
        return [*notify, *(Job.of_desk(JobKind.RECEIPT, number) for number in owed)]

    async def expire(self) -> None:
        """Gives up drafts that nobody touches."""
        await asyncio.to_thread(expire_drafts.expire, self._store, self._engines.settings)

    async def _write_receipt(self, number: int) -> None:
        await asyncio.to_thread(self._receipts.write, self._engines.settings, number)

    async def _notify(self, _: int) -> None:
        if await self._thread.write(to_be_sent, self._engines.addressed):
            sending = await asyncio.to_thread(process.start)
            if await asyncio.to_thread(sending.wait):
                raise JobFailed("The process that sends notifications ended early.")

    async def _follow_connections(self, _: int) -> None:
        await self._engines.stop_strays()
        await self._engines.recover_strays(self._leases)
        await self._settings_watch.tend(self._engines.addressed)

    def _in_thread(self, act: Callable[[], object]) -> Act:
        async def run(_: int) -> None:
            await asyncio.to_thread(act)

        return run


def _are_notices_due(tx: Connection) -> bool:
    return bool(delivery.due(tx))
