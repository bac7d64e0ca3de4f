"""Runs an import to its end: sends it here if no sender runs, otherwise follows the sender."""

import asyncio
import secrets
import signal
import time
from contextlib import suppress
from dataclasses import dataclass

import uvloop
from sqlalchemy import Connection as Tx
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from blnk_api.cli import unfinished
from blnk_api.cli.exit_codes import CommandFailed, ExitCode
from blnk_api.cli.import_steps.unserved import Unserved
from blnk_api.cli.session import Session
from blnk_api.sending.instance_sending import InstanceSending, engine_for, stop_if_copied
from blnk_api.settings import Connection
from blnk_api.store import StoreUnavailable, failures, import_acts, imports
from blnk_api.store.async_store import AsyncStore
from blnk_api.store.imports import Import
from blnk_api.store.sending import recovery, senders, stops
from blnk_api.store.sending.leases import Lease, LeaseLost, Leases
from blnk_api.store.sending.lock import MOVED
from blnk_api.store.states import ImportState, PausedBy, RowState
from blnk_api.wording import about_stops, phrases

_POLL_SECONDS = 0.1
_BLOCKED_SECONDS = 2.0
"""A moment between two rows looks the same."""
_DRAIN_SPARE_SECONDS = 1.0


def see_through(opened: Session, import_: Import, connection: Connection) -> Import:
    """Runs until the import is done, canceled or permanently paused, and returns it.

    Ctrl-C and SIGTERM pause it. Raises CommandFailed if it cannot continue.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            return runner.run(_Seeing(opened, import_, connection).run())
        except asyncio.CancelledError:
            return opened.find(import_.id)


@dataclass(frozen=True)
class _Now:
    """The import in the store at one moment."""

    import_: Import
    is_looked_at: bool
    """Whether some of its rows are still being looked up."""

    @property
    def has_ended(self) -> bool:
        state = self.import_.state
        if state is ImportState.CANCELLED:
            return not (self.import_.counts.get(RowState.SENDING) or self.is_looked_at)
        if state is ImportState.WAITING:
            return True
        is_held_up = state is ImportState.PAUSED and self.import_.paused_by is not PausedBy.BREAKER
        return state is ImportState.DONE or is_held_up


def _look(tx: Tx, number: int) -> _Now:
    import_ = imports.by_number(tx, number)
    return _Now(import_, import_.counts.get(RowState.UNKNOWN, 0) > import_.waiting_for_person)


class _Seeing:
    def __init__(self, opened: Session, import_: Import, connection: Connection) -> None:
        self._opened = opened
        self._import = import_
        self._connection = connection
        self._thread = AsyncStore(opened.store)
        self._interrupted = asyncio.Event()
        self._paused = False
        self._sends_here = False
        self._blocked_since: float | None = None
        self._unserved = Unserved(opened, connection.instance)

    async def run(self) -> Import:
        loop = asyncio.get_running_loop()
        me = asyncio.current_task()
        assert me is not None
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._interrupt, me)
        try:
            now = await self._thread.read(_look, self._import.number)
            if now.has_ended:
                return now.import_
            with Leases(self._opened.store, seconds=self._opened.settings.waits.lease) as leases:
                while True:
                    if not self._opened.store.is_in_place():
                        raise CommandFailed(MOVED, ExitCode.STOPPED)
                    try:
                        lease = await asyncio.to_thread(leases.take, self._unserved.number)
                        ended = await (self._send(lease) if lease is not None else self._follow())
                    except LeaseLost:
                        continue
                    except (OperationalError, StoreUnavailable) as problem:
                        leases.release_all()
                        await self._wait_for_store(problem)
                        continue
                    if ended is not None:
                        return ended
        finally:
            self._thread.close()

    async def _wait_for_store(self, problem: OperationalError | StoreUnavailable) -> None:
        """The database server is away, or the disk is full. Rows on their way are looked up afterwards."""
        if isinstance(problem, StoreUnavailable) and not problem.may_pass:
            raise problem
        self._end_if_interrupted(problem)
        self._opened.failure = self._thread.failure
        await asyncio.sleep(self._opened.settings.waits.journal_retry)

    def _end_if_interrupted(self, problem: OperationalError | StoreUnavailable) -> None:
        """A pause cannot be recorded either. Whoever continues looks up rows on their way."""
        if self._interrupted.is_set():
            why = problem if isinstance(problem, StoreUnavailable) else failures.explain(problem)
            raise CommandFailed(
                f"{why} Interrupted. To continue: python -m blnk_api resume {self._import.id}",
                ExitCode.INTERRUPTED,
            )

    def _interrupt(self, me: asyncio.Task[Import]) -> None:
        """The first interrupt pauses; a second one does not wait for rows on their way."""
        if self._interrupted.is_set():
            me.cancel()
        self._interrupted.set()

    async def _follow(self) -> Import | None:
        """For as long as another process sends. None when the lease may be free."""
        until = time.monotonic() + self._opened.settings.waits.lock_retry
        while time.monotonic() < until:
            if (ended := await self._step()) is not None:
                return ended
            await asyncio.to_thread(self._unserved.is_so)
            await asyncio.sleep(_POLL_SECONDS)
        return None

    async def _send(self, lease: Lease) -> Import | None:
        """As the sender, for this import alone. None when the lease was lost."""
        token = secrets.token_hex(8)
        await stop_if_copied(self._thread)
        await self._thread.write(
            senders.register, token=token, owner=f"{senders.COMMAND_LINE} {self._import.id}"
        )
        await self._recover(lease)
        self._sends_here = True
        running = await engine_for(
            self._opened.settings,
            self._connection,
            self._opened.store,
            self._thread,
            lease,
            only=self._import.number,
        )
        beat_at = 0.0
        try:
            while not lease.is_lost:
                running.raise_if_broken()
                if time.monotonic() - beat_at > senders.BEAT_SECONDS:
                    beat_at = time.monotonic()
                    with suppress(SQLAlchemyError, OSError):
                        await self._thread.write(senders.beat, token=token, serves=[running.instance])
                if (ended := await self._step()) is not None:
                    await self._let_land(running)
                    return await self._thread.read(imports.by_number, ended.number)
                await asyncio.sleep(_POLL_SECONDS)
            return None
        finally:
            self._sends_here = False
            await running.stop()
            with suppress(SQLAlchemyError, OSError):
                with suppress(LeaseLost):
                    await self._recover(lease)  # rows that a second Ctrl-C cut off are in doubt
                await self._thread.write(senders.resign, token=token)

    async def _recover(self, lease: Lease) -> None:
        """Rows that were being sent; of all instances where the lease is SQLite's lock."""
        instance = None if self._opened.store.is_sqlite else lease.instance
        await self._thread.guarded_by(lease.require).write(recovery.recover, instance)

    async def _step(self) -> Import | None:
        """Reads the import once, and pauses it if someone interrupted. Returns it once it has ended."""
        self._opened.failure = self._thread.failure
        try:
            if self._interrupted.is_set() and not self._paused:
                who = self._opened.who
                moved = await self._thread.write(
                    import_acts.pause,
                    self._import.number,
                    by=PausedBy.PERSON,
                    who=who,
                    reason=f"{phrases.actor(who)} interrupted the command.",
                )
                self._paused = True
                if not moved:
                    return await self._thread.read(imports.by_number, self._import.number)
            now = await self._thread.read(_look, self._import.number)
            if now.has_ended:
                return now.import_
            await self._refuse_while_stopped(now.import_)
            await self._refuse_to_wait_forever(now.import_)
        except OperationalError as problem:
            self._end_if_interrupted(problem)
            await asyncio.sleep(self._opened.settings.waits.journal_retry)
        return None

    async def _refuse_while_stopped(self, import_: Import) -> None:
        """All sending was stopped: rows on their way finish, and the rest waits."""
        counts = import_.counts
        waits = import_.state in (ImportState.QUEUED, ImportState.RUNNING) and counts.get(RowState.READY)
        if not waits or counts.get(RowState.SENDING) or counts.get(RowState.UNKNOWN):
            return
        if holding := await self._thread.read(stops.holding, import_.instance):
            settings = self._opened.settings
            why = about_stops.what_holds(holding, settings, settings.time_zone)
            raise CommandFailed(
                f"{why} Then continue with: python -m blnk_api resume {import_.id}", ExitCode.STOPPED
            )

    async def _refuse_to_wait_forever(self, import_: Import) -> None:
        """Rows that wait for another import's rows, which nobody is settling, would wait forever."""
        counts = import_.counts
        waits = import_.state is ImportState.RUNNING and counts.get(RowState.READY)
        now = time.monotonic()
        if not waits or counts.get(RowState.SENDING) or counts.get(RowState.UNKNOWN):
            self._blocked_since = None
            return
        self._blocked_since = self._blocked_since or now
        if now - self._blocked_since < _BLOCKED_SECONDS:
            return
        self._blocked_since = now
        if found := await self._thread.read(unfinished.blocked, import_, settles=not self._sends_here):
            raise CommandFailed(unfinished.sentence(found), ExitCode.STOPPED)

    async def _let_land(self, running: InstanceSending) -> None:
        """Waits until the rows on their way have an outcome, for one request timeout at most."""
        until = time.monotonic() + self._connection.request_timeout_seconds + _DRAIN_SPARE_SECONDS
        while any(lane.sends or lane.out for lane in running.engine.lanes.values()):
            if time.monotonic() > until:
                return
            await asyncio.sleep(_POLL_SECONDS / 2)
