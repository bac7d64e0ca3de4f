"""What processes that send for days have in common: how they begin, and how they are ended."""

import asyncio
import gc
import logging
import os
import signal
import threading
from contextlib import suppress

log = logging.getLogger("blnk.worker")


def keep_what_is_loaded() -> None:
    """Everything loaded so far stays: the collector need not examine it repeatedly while rows come and go."""
    gc.freeze()
    gc.set_threshold(20_000, 50, 50)


async def until_ended(working: asyncio.Task[None], *, most_seconds: float) -> None:
    """Returns when the task is over. SIGTERM and Ctrl-C `end` it."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end, working, most_seconds)
    with suppress(asyncio.CancelledError):
        await working


def end(working: asyncio.Task[None], most_seconds: float) -> None:
    """Cancels the task, and ends this process if it is still there after `most_seconds`: a database whose
    network swallows everything may never answer, and no thread that waits for it can be told to stop."""
    working.cancel()
    too_late = threading.Timer(most_seconds, _end_at_once)
    too_late.daemon = True
    too_late.start()


def _end_at_once() -> None:
    log.warning(
        "The import database does not answer. This process ends without it; rows that were on their way are "
        "looked up by the next sender."
    )
    os._exit(1)
