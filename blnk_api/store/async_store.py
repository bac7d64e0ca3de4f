"""The store inside an event loop: one thread writes and reads it, one transaction at a time.

Loops that look into it again and again wait with `Changes` in between: where nothing was written, there is
nothing to look at.
"""

import asyncio
import copy
import math
import os
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from blnk_api.store import Store, failures, folder_watch

P = ParamSpec("P")
T = TypeVar("T")


_ASKED_SECONDS = 0.1
"""How often SQLite is asked whether it was written, once for all loops that wait, where the system cannot say
that its file was."""
_ASKED_ANYHOW_SECONDS = 2.0
"""Where it can: some file systems keep what others write to themselves."""
_ASKED_SOON_SECONDS = 0.02
"""While something is being written: SQLite's file is written a moment before the change is committed, which
nothing tells."""
_COMMITS_SECONDS = 1.0
LOOKED_AT_ANYHOW_SECONDS = 10.0
"""How long a loop that waits for nothing but a change relies on the hint alone."""
_LOOKED_AT_ANYHOW = 4
"""A loop that also waits for a moment in time looks after so many times as long, whatever the hint says."""


async def wait_at_most(seconds: float, event: asyncio.Event) -> None:
    """Until the event is set, and no longer than this."""
    # Not wait_for, which loses the end of this task when the event comes at the same moment.
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


class _Hint:
    """Whether someone has written to the store. SQLite says so for a hundredth of what a look costs, and is
    asked when its folder is written to, once for all loops, and only while one waits."""

    def __init__(self, store: Store) -> None:
        self._connection: sqlite3.Connection | None = None
        self._watch: int | None = None
        if store.is_sqlite:
            with suppress(sqlite3.Error):
                self._connection = sqlite3.connect(store.url.database or "", timeout=0, isolation_level=None)
                self._watch = folder_watch.watch(store.folder)
        self._waiting: set[asyncio.Event] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._seen: int | None = None
        self._commits_until = -math.inf

    def version(self) -> int | None:
        """Another number after each write of any other connection; None where nobody can tell, as on
        Postgres."""
        if self._connection is None:
            return None
        try:
            found: tuple[int] = self._connection.execute("PRAGMA data_version").fetchone()
        except sqlite3.Error:
            return None
        return found[0]

    def wake(self, event: asyncio.Event) -> None:
        """Sets the event when something is written from now on, until `forget`."""
        self._waiting.add(event)
        if self._timer is None:
            self._seen = self.version()
            if self._watch is not None:
                asyncio.get_running_loop().add_reader(self._watch, self._file_is_written)
            self._ask_later()

    def forget(self, event: asyncio.Event) -> None:
        self._waiting.discard(event)
        if not self._waiting:
            self._rest()

    def _ask_later(self) -> None:
        is_soon = time.monotonic() < self._commits_until
        seconds = _ASKED_SOON_SECONDS if is_soon else _ASKED_ANYHOW_SECONDS
        if self._watch is None:
            seconds = _ASKED_SECONDS
        self._timer = asyncio.get_running_loop().call_later(seconds, self._ask)

    def _file_is_written(self) -> None:
        assert self._watch is not None
        folder_watch.drain(self._watch)
        self._commits_until = time.monotonic() + _COMMITS_SECONDS
        self._ask()

    def _ask(self) -> None:
        version = self.version()
        if version is None or version != self._seen:
            self._seen, self._commits_until = version, -math.inf
            for one in self._waiting:
                one.set()
        if self._timer is not None:
            self._timer.cancel()
        self._ask_later()

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            if self._watch is not None:
                asyncio.get_running_loop().remove_reader(self._watch)

    def close(self) -> None:
        if self._connection is not None:
            self._rest()
            self._connection.close()
            self._connection = None
        if self._watch is not None:
            os.close(self._watch)
            self._watch = None


class Changes:
    """When one loop looks into the store next: not more often than once in `seconds`, at once when something
    was written, and in any case after a while. Nothing may depend on the hint, which Postgres does not give:
    every look is due there."""

    def __init__(self, hint: _Hint) -> None:
        self._hint = hint
        self._seen: int | None = None
        self._looked_at = -math.inf

    async def wait(
        self, seconds: float, sooner: asyncio.Event | None = None, *, anyhow_seconds: float | None = None
    ) -> bool:
        """Returns when the next look is due, or `sooner` is set: whether anything may have been written.
        `anyhow_seconds` is after how long a look is due though nothing was written."""
        anyhow = _LOOKED_AT_ANYHOW * seconds if anyhow_seconds is None else anyhow_seconds
        at_the_latest = time.monotonic() + anyhow
        sooner = sooner or asyncio.Event()
        while not sooner.is_set():
            now = time.monotonic()
            may_look_at = self._looked_at + seconds
            is_written = self._is_written()
            if now >= at_the_latest or (is_written and now >= may_look_at):
                break
            if is_written:
                await wait_at_most(min(may_look_at, at_the_latest) - now, sooner)
            else:
                await self._wait_for_a_change(at_the_latest - now, sooner)
        # Read before the look: what is written during it is a reason for another one.
        may_have_changed = self._is_written()
        self._seen, self._looked_at = self._hint.version(), time.monotonic()
        return may_have_changed

    def _is_written(self) -> bool:
        version = self._hint.version()
        return version is None or version != self._seen

    async def _wait_for_a_change(self, most_seconds: float, sooner: asyncio.Event) -> None:
        written = asyncio.Event()
        self._hint.wake(written)
        waits = [asyncio.ensure_future(one.wait()) for one in (written, sooner)]
        try:
            await asyncio.wait(waits, timeout=most_seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._hint.forget(written)
            for one in waits:
                one.cancel()


class AsyncStore:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._failed: dict[str, str] = {}
        self._hint = _Hint(store)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._first: Callable[[Connection], None] | None = None

    def guarded_by(self, first: Callable[[Connection], None]) -> "AsyncStore":
        """The same thread, each of whose transactions that write begins with `first`, which may raise."""
        guarded = copy.copy(self)
        guarded._first = first
        return guarded

    @property
    def failure(self) -> str | None:
        """Why the last write or read failed, or None if it succeeded.

        A full disk can still be read, so only a successful write shows that writing works again.
        """
        return self._failed.get("write") or self._failed.get("read")

    async def write(
        self, act: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Runs `act` in one committed transaction. If this raises, nobody may rely on what it wrote."""

        def run() -> T:
            with self._store.write() as tx:
                if self._first is not None:
                    self._first(tx)
                return act(tx, *args, **kwargs)

        return await self._run("write", run)

    async def read(
        self, act: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        def run() -> T:
            with self._store.read() as tx:
                return act(tx, *args, **kwargs)

        return await self._run("read", run)

    async def _run(self, what: str, run: Callable[[], T]) -> T:
        try:
            done = await asyncio.get_running_loop().run_in_executor(self._thread, run)
        except (OperationalError, OSError) as problem:
            self._failed[what] = failures.explain(problem)
            raise
        self._failed.pop(what, None)
        return done

    def changes(self) -> Changes:
        """For one loop; good until this is closed."""
        return Changes(self._hint)

    def close(self) -> None:
        self._hint.close()
        self._thread.shutdown(wait=True)
