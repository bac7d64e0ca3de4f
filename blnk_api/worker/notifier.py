"""Has notifications sent while the sender runs, by a separate process, so that sending waits for none."""

import asyncio
import logging
import subprocess
import time

from blnk_api.notifications import process
from blnk_api.notifications.owed import to_be_sent
from blnk_api.settings import Settings
from blnk_api.store.async_store import AsyncStore
from blnk_api.store.outbox import delivery

log = logging.getLogger("blnk.notifications")

_AGAIN_SECONDS = 30.0
"""The wait after a process failed: the settings are wrong, or the database is away."""


class Notifier:
    def __init__(self, thread: AsyncStore) -> None:
        self._thread = thread
        self._process: subprocess.Popen[bytes] | None = None
        self._not_before = 0.0

    async def tend(self, settings: Settings) -> None:
        """Starts the process when something is due. Raises SQLAlchemyError or OSError."""
        if self._process is not None:
            code = self._process.poll()
            if code is None:
                return
            self._process = None
            if code:
                self._not_before = time.monotonic() + _AGAIN_SECONDS
        if time.monotonic() < self._not_before or not await self._thread.read(delivery.due):
            return
        if await self._thread.write(to_be_sent, settings):
            self._process = await asyncio.to_thread(process.start)
