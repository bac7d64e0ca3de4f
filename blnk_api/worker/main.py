"""The sender: one at a time for each instance, started and watched by the app, or alone.

    python -m blnk_api.worker.main [--owner NAME] [--stop-with-stdin]

It takes the lease of each instance that a connection means (on SQLite it waits for the one lock), declares
what a dead sender left behind unknown, and runs one engine for each. Secrets are read again when their file
changes.
"""

import argparse
import asyncio
import contextlib
import logging
import math
import os
import secrets
import sys
import time
from collections.abc import Callable

import uvloop
from sqlalchemy.exc import SQLAlchemyError

from blnk_api import settings as settings_module
from blnk_api.common import open_files, private_files
from blnk_api.common.log import end, to_stderr
from blnk_api.errors import SettingsProblem
from blnk_api.sending.instance_sending import stop_if_copied
from blnk_api.settings import Settings
from blnk_api.store import Store, StoreUnavailable, failures
from blnk_api.store.async_store import AsyncStore
from blnk_api.store.sending import lock, recovery, senders
from blnk_api.store.sending.leases import DESK, Lease, LeaseLost, Leases
from blnk_api.store.sending.lock import MOVED
from blnk_api.wording import about_stops
from blnk_api.worker.draft_checks import DraftChecks
from blnk_api.worker.engines import Engines
from blnk_api.worker.housekeeping import Housekeeping
from blnk_api.worker.long_lived import end as end_soon
from blnk_api.worker.long_lived import keep_what_is_loaded, until_ended
from blnk_api.worker.notifier import Notifier
from blnk_api.worker.served_metrics import ServedMetrics
from blnk_api.worker.settings_seen import SettingsWatch

log = logging.getLogger("blnk.worker")

_TENDED_ANYHOW_SECONDS = 10.0
"""How long what only the clock makes due may wait: a notification that is tried again, a purge."""


class Worker:
    def __init__(
        self,
        settings: Settings,
        store: Store,
        owner: str,
        tell: Callable[[str | None], None] = lambda _: None,
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`tell` is called with why the store cannot be used, and with None when it can be used again."""
        self._tell = tell
        self._told: str | None = None
        self._settings = settings
        self._store = store
        self._thread = AsyncStore(store)
        self._closing = Housekeeping(store)
        self._notifier = Notifier(self._thread)
        self._token = secrets.token_hex(8)
        self._owner = owner
        self._settings_watch = SettingsWatch(self._thread)
        self._beat_at = self._tended_at = -math.inf
        self._is_tended = False
        """Whether nothing was written since everything was last looked at."""
        self._told_serves: list[int] | None = None
        """The instances that it serves, as the store has them."""
        self._metrics = ServedMetrics(settings, store)
        self._engines = Engines(settings, store, self._thread, wall=wall, on_post=self._metrics.on_post)

    async def run(self) -> None:
        """Runs until canceled. Raises LeaseLost, or whatever broke: the process then ends and another takes
        over."""
        try:
            self._metrics.serve(self._engines)  # from the start on, also while another process sends
            await self._run()
        finally:
            self._metrics.close()

    async def _run(self) -> None:
        with Leases(self._store, seconds=self._settings.waits.lease) as leases:
            desk = await self._wait_for_lock(leases) if self._store.is_sqlite else None
            if await stop_if_copied(self._thread):
                log.warning("Sending is stopped. %s", about_stops.FOUND_ELSEWHERE)
            await self._thread.write(senders.register, token=self._token, owner=self._owner)
            self._tell(None)
            if desk is not None:
                left = await self._thread.write(recovery.recover)
                log.info(
                    "Sender: process %d is sending. Rows left in doubt by the previous sender: %d.",
                    os.getpid(),
                    left,
                )
            preparer = DraftChecks(self._settings, self._thread)
            changes = self._thread.changes()
            try:
                while True:
                    desk = await self._tend(leases, desk, preparer)
                    anyhow = senders.BEAT_SECONDS if preparer.is_tended else None
                    waits = self._engines.settings.waits.worker_notices
                    if await changes.wait(waits, anyhow_seconds=anyhow):
                        self._is_tended = preparer.is_tended = False
            finally:
                await preparer.stop()
                await self._engines.stop()
                with contextlib.suppress(SQLAlchemyError, OSError):
                    await self._thread.write(senders.resign, token=self._token)
                self._thread.close()

    async def _wait_for_lock(self, leases: Leases) -> Lease:
        is_told = False
        while (lease := leases.take(DESK)) is None:
            if not is_told:
                is_told = True
                log.info(
                    "Sender: another process is sending. This one, %d, takes over when it ends.", os.getpid()
                )
            await asyncio.sleep(self._settings.waits.lock_retry)
        return lease

    async def _tend(self, leases: Leases, desk: Lease | None, preparer: DraftChecks) -> Lease | None:
        """Runs at each change of the store, five times a second at most, and each second without one. Returns
        the lease for the desk's own tasks, if this process has it."""
        if desk is not None and desk.is_lost:
            raise LeaseLost("" if self._store.is_in_place() else MOVED)
        self._engines.raise_if_broken()
        self._tell_changes()
        now = time.monotonic()
        is_due = now - self._tended_at > _TENDED_ANYHOW_SECONDS or self._thread.failure is not None
        if now - self._beat_at > senders.BEAT_SECONDS:
            self._beat_at = now
            if desk is None and (desk := await asyncio.to_thread(leases.take, DESK)) is not None:
                await self._engines.recover_strays(leases)
            await self._beat(leases)
            if is_due or not self._is_tended:
                self._tended_at, self._is_tended = now, True
                await self._tend_all(is_for_desk=desk is not None)
        if is_due or not preparer.is_tended:
            await preparer.look_for_drafts(self._engines.lookers)
        return desk

    def _tell_changes(self) -> None:
        if self._thread.failure != self._told:
            self._told = self._thread.failure
            self._tell(self._told)

    async def _beat(self, leases: Leases) -> None:
        """Only what costs next to nothing as long as nothing changes."""
        self._metrics.serve(self._engines)
        if not self._engines.have_nothing_to_follow():
            await self._engines.follow_secrets(leases)
        with contextlib.suppress(SQLAlchemyError, OSError):
            if self._store.is_sqlite and self._told_serves == self._engines.serves:
                lock.beat(self._store)
            else:
                await self._write_beat()

    async def _write_beat(self) -> None:
        serves = self._engines.serves
        self._told_serves = None
        await self._thread.write(senders.beat, token=self._token, serves=serves)
        self._told_serves = serves

    async def _tend_all(self, *, is_for_desk: bool) -> None:
        await self._thread.read(self._store.refuse_later)
        if self._thread.failure is not None:
            with contextlib.suppress(SQLAlchemyError, OSError):
                await self._write_beat()  # only a write shows that the store can be written again
        if is_for_desk:
            await self._engines.stop_strays()
            await self._tend_desk()

    async def _tend_desk(self) -> None:
        addressed = self._engines.addressed
        with contextlib.suppress(SQLAlchemyError, OSError):
            await self._notifier.tend(addressed)
            await self._settings_watch.tend(addressed)
        self._closing.tend(self._engines.settings)


async def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m blnk_api.worker.main")
    parser.add_argument("--owner", default=f"process {os.getpid()}")
    parser.add_argument("--stop-with-stdin", action="store_true", help="end when standard input closes")
    options = parser.parse_args(arguments)
    open_files.raise_limit()
    settings = settings_module.load()
    tell = _tell_app if options.stop_with_stdin else _tell_log
    working = asyncio.create_task(_work(settings, options.owner, tell))
    if options.stop_with_stdin:
        # The app may be killed without notice; the pipe that it holds closes with it.
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), _on_stdin, working, settings.waits.end)
    await until_ended(working, most_seconds=settings.waits.end)


async def _work(settings: Settings, owner: str, tell: Callable[[str | None], None]) -> None:
    store = Store(settings.database_url)
    while True:
        try:
            store.migrate()
            break
        except StoreUnavailable as problem:
            if not problem.may_pass:
                raise
            cause = problem.__cause__
            tell(failures.explain(cause if isinstance(cause, Exception) else problem))
        await asyncio.sleep(settings.waits.journal_retry)
    await Worker(settings, store, owner, tell).run()


def _tell_log(failure: str | None) -> None:
    if failure is not None:
        log.warning("%s", failure)


def _tell_app(failure: str | None) -> None:
    """Writes a line to the app for each change, so that pages can say why nothing is sent, even if the disk
    is full."""
    _tell_log(failure)
    with contextlib.suppress(OSError):
        print(failure or "", flush=True)


def _on_stdin(working: asyncio.Task[None], most_seconds: float) -> None:
    if not os.read(sys.stdin.fileno(), 1024):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        end_soon(working, most_seconds)


if __name__ == "__main__":
    private_files.keep_files_private()
    keep_what_is_loaded()
    to_stderr()
    try:
        uvloop.run(main())
    except (StoreUnavailable, SettingsProblem, LeaseLost) as problem:
        end(str(problem) or "Another process is now sending.")
    except (SQLAlchemyError, OSError) as problem:
        end(failures.explain(problem))
