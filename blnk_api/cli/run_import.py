"""Sees an import through: sends it here where nobody else does, or follows the process that sends."""

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
from blnk_api.cli.exits import CommandFailed, ExitCode
from blnk_api.cli.session import Session
from blnk_api.sending.running import Running, engine_for
from blnk_api.settings import Connection, Instance
from blnk_api.store import StoreUnavailable, failures, import_acts, imports
from blnk_api.store.async_store import AsyncStore
from blnk_api.store.imports import Import
from blnk_api.store.sending import recovery, senders, stops
from blnk_api.store.sending.lock import MOVED, SenderLock
from blnk_api.store.states import ImportState, PausedBy, RowState
from blnk_api.wording import about_stops, phrases

OWNER = "command line"
"""What the sender table says of a command line. It runs one import of its own, and nobody else's."""

_POLL_SECONDS = 0.1
_UNSERVED_SECONDS = 3 * senders.BEAT_SECONDS
"""A process that has just begun to send says with its first beat which instances it serves."""
_BLOCKED_SECONDS = 2.0
"""A moment between two rows looks the same."""
_DRAIN_SPARE_SECONDS = 1.0


class Unserved:
    """Notices a sender that has no credentials for an instance: what is handed to it would lie there."""

    def __init__(self, opened: Session, instance: Instance) -> None:
        self._store = opened.store
        with opened.store.write() as tx:
            self._number = imports.instance_number(tx, instance)
        self._since: float | None = None

    def refuse(self) -> None:
        """Waits for the first beats of a sender that has just begun. Raises Ends."""
        while self.is_so():
            time.sleep(_POLL_SECONDS)

    def is_so(self) -> bool:
        """Raises Ends when it has been so for a while. Another command line's end is worth waiting for."""
        with self._store.read() as tx:
            sender = senders.current(tx)
        if sender is None or sender.owner.startswith(OWNER) or self._number in sender.serves:
            self._since = None
            return False
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        if now - self._since > _UNSERVED_SECONDS:
            raise CommandFailed(
                f"Process {sender.pid} on {sender.host} does the sending, and it has no connection to this "
                "Blnk. Give it one in its secrets file, or stop it. Then the same command goes on.",
                ExitCode.STOPPED,
            )
        return True


def see_through(opened: Session, import_: Import, connection: Connection) -> Import:
    """Until the import is done, cancelled or paused for good; as it stands then.

    Ctrl-C and SIGTERM pause it. Raises Ends when it cannot go on.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            return runner.run(_Seeing(opened, import_, connection).run())
        except asyncio.CancelledError:
            return opened.find(import_.id)


@dataclass(frozen=True)
class _Now:
    """What one look into the store tells."""

    import_: Import
    is_looked_at: bool
    """Whether rows of it are being looked up still."""

    @property
    def has_ended(self) -> bool:
        state = self.import_.state
        if state is ImportState.CANCELLED:
            return not (self.import_.counts.get(RowState.SENDING) or self.is_looked_at)
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
            with SenderLock(self._opened.store) as lock:
                while True:
                    if not self._opened.store.is_in_place():
                        raise CommandFailed(MOVED, ExitCode.STOPPED)
                    try:
                        ended = await (self._send(lock) if lock.take() else self._follow())
                    except (OperationalError, StoreUnavailable) as problem:
                        await self._wait_for_store(lock, problem)
                        continue
                    if ended is not None:
                        return ended
        finally:
            self._thread.close()

    async def _wait_for_store(self, lock: SenderLock, problem: OperationalError | StoreUnavailable) -> None:
        """The database server is away, or the disk is full: what was on its way is looked up afterwards."""
        if isinstance(problem, StoreUnavailable) and not problem.may_pass:
            raise problem
        self._end_if_interrupted(problem)
        lock.release()
        self._opened.failure = self._thread.failure
        await asyncio.sleep(self._opened.settings.waits.journal_retry)

    def _end_if_interrupted(self, problem: OperationalError | StoreUnavailable) -> None:
        """A pause cannot be written down either: what is on its way is looked up by whoever goes on."""
        if self._interrupted.is_set():
            told = problem if isinstance(problem, StoreUnavailable) else failures.explain(problem)
            raise CommandFailed(
                f"{told} Interrupted: `resume {self._import.id}` goes on.", ExitCode.INTERRUPTED
            )

    def _interrupt(self, me: asyncio.Task[Import]) -> None:
        """The first one pauses; who insists does not wait for rows on their way."""
        if self._interrupted.is_set():
            me.cancel()
        self._interrupted.set()

    async def _follow(self) -> Import | None:
        """For as long as another process sends. None when the lock may be free."""
        until = time.monotonic() + self._opened.settings.waits.lock_retry
        while time.monotonic() < until:
            if (ended := await self._step()) is not None:
                return ended
            await asyncio.to_thread(self._unserved.is_so)
            await asyncio.sleep(_POLL_SECONDS)
        return None

    async def _send(self, lock: SenderLock) -> Import | None:
        """As the one that sends, for this import alone. None when the lock was lost."""
        token = secrets.token_hex(8)
        await self._thread.write(senders.register, token=token, owner=f"{OWNER} {self._import.id}")
        await self._thread.write(recovery.recover)
        self._sends_here = True
        running = await engine_for(
            self._opened.settings,
            self._connection,
            self._opened.store,
            self._thread,
            lock,
            only=self._import.number,
        )
        beat_at = 0.0
        try:
            while lock.is_held():
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
                if lock.is_held():
                    await self._thread.write(recovery.recover)  # what insisting cut off needs a look
                await self._thread.write(senders.resign, token=token)
            lock.release()

    async def _step(self) -> Import | None:
        """One look, and a pause where somebody asked for it; the import, once it goes no further."""
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
            await self._refuse_to_wait_for_ever(now.import_)
        except OperationalError as problem:
            self._end_if_interrupted(problem)
            await asyncio.sleep(self._opened.settings.waits.journal_retry)
        return None

    async def _refuse_while_stopped(self, import_: Import) -> None:
        """Somebody stopped all sending: what is on its way comes to its end, and the rest waits."""
        counts = import_.counts
        waits = import_.state in (ImportState.QUEUED, ImportState.RUNNING) and counts.get(RowState.READY)
        if not waits or counts.get(RowState.SENDING) or counts.get(RowState.UNKNOWN):
            return
        if holding := await self._thread.read(stops.holding, import_.instance):
            settings = self._opened.settings
            told = about_stops.what_holds(holding, settings, settings.time_zone)
            raise CommandFailed(f"{told} Then `resume {import_.id}` goes on.", ExitCode.STOPPED)

    async def _refuse_to_wait_for_ever(self, import_: Import) -> None:
        """Rows that wait for another import's rows, which nobody settles, would wait for ever."""
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

    async def _let_land(self, running: Running) -> None:
        """Waits until what is on its way has come to its end, for a request time-out at most."""
        until = time.monotonic() + self._connection.request_timeout_seconds + _DRAIN_SPARE_SECONDS
        while any(lane.sends or lane.out for lane in running.engine.lanes.values()):
            if time.monotonic() > until:
                return
            await asyncio.sleep(_POLL_SECONDS / 2)
