"""The journal inside an event loop: one thread writes and reads it, one transaction at a time."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection

from blnk_api.imports.journal import Journal

P = ParamSpec("P")
T = TypeVar("T")


class JournalThread:
    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")

    async def write(
        self, act: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Runs `act` in one committed transaction. When this raises, nobody may act on what it wrote."""

        def run() -> T:
            with self._journal.write() as tx:
                return act(tx, *args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._thread, run)

    async def read(
        self, act: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        def run() -> T:
            with self._journal.read() as tx:
                return act(tx, *args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._thread, run)

    def close(self) -> None:
        self._thread.shutdown(wait=True)
