"""The store inside an event loop: one thread writes and reads it, one transaction at a time."""

import asyncio
import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from blnk_api.store import Store, failures

P = ParamSpec("P")
T = TypeVar("T")


class AsyncStore:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._failed: dict[str, str] = {}
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._first: Callable[[Connection], None] | None = None

    def guarded_by(self, first: Callable[[Connection], None]) -> "AsyncStore":
        """The same thread, each of whose transactions that write begins with `first`, which may raise."""
        guarded = copy.copy(self)
        guarded._first = first
        return guarded

    @property
    def failure(self) -> str | None:
        """Why the store could not be written, or read, the last time that was tried; None if it could.

        A full disk can still be read: only a write says that writing is possible again.
        """
        return self._failed.get("write") or self._failed.get("read")

    async def write(
        self, act: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Runs `act` in one committed transaction. When this raises, nobody may act on what it wrote."""

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

    def close(self) -> None:
        self._thread.shutdown(wait=True)
