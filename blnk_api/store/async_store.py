"""The store inside an event loop: one thread writes and reads it, one transaction at a time.

Loops that look into it again and again wait with `Changes` in between: where nothing was written, there is
nothing to look at.
"""

import asyncio
import copy
import math
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from blnk_api.store import Store, failures

P = ParamSpec("P")
T = TypeVar("T")


_ASKED_MORE_OFTEN = 2
"""How many times more often than it is looked at the store is asked whether it was written, at the least."""
_LOOKED_AT_ANYHOW = 4
"""After so many times as long it is looked at, whatever it says."""


async def wait_at_most(seconds: float, event: asyncio.Event) -> None:
    """Until the event is set, and no longer than this."""
    # Not wait_for, which loses the end of this task when the event comes at the same moment.
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


class Changes:
    """When one loop looks into the store next: not more often than once in `seconds`, at once when something
    was written, and in any case after four times as long. Nothing may depend on the hint: SQLite gives it for
    a hundredth of what a look costs, and Postgres does not, so that every look is due there."""

    def __init__(self, store: Store) -> None:
        self._hint = _hint(store)
        self._seen: int | None = None
        self._looked_at = -math.inf

    async def wait(self, seconds: float, sooner: asyncio.Event | None = None) -> None:
        """Returns when the next look is due, or `sooner` is set."""
        began = time.monotonic()
        sooner = sooner or asyncio.Event()
        while not sooner.is_set():
            now, version = time.monotonic(), self._version()
            was_written = version is None or version != self._seen
            if was_written and now >= self._looked_at + seconds:
                break
            if now >= began + _LOOKED_AT_ANYHOW * seconds:
                break
            await wait_at_most(seconds / _ASKED_MORE_OFTEN, sooner)
        # Read before the look: what is written during it is a reason for another one.
        self._seen, self._looked_at = self._version(), time.monotonic()

    def _version(self) -> int | None:
        """Another number after each write of any other connection; None where nobody can tell."""
        if self._hint is None:
            return None
        try:
            found: tuple[int] = self._hint.execute("PRAGMA data_version").fetchone()
        except sqlite3.Error:
            return None
        return found[0]

    def close(self) -> None:
        if self._hint is not None:
            self._hint.close()
            self._hint = None


def _hint(store: Store) -> sqlite3.Connection | None:
    if not store.is_sqlite:
        return None
    with suppress(sqlite3.Error):
        return sqlite3.connect(store.url.database or "", timeout=0, isolation_level=None)
    return None


class AsyncStore:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._failed: dict[str, str] = {}
        self._changes: list[Changes] = []
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
        """For one loop; closed with this."""
        made = Changes(self._store)
        self._changes.append(made)
        return made

    def close(self) -> None:
        for one in self._changes:
            one.close()
        self._thread.shutdown(wait=True)
