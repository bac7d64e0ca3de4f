"""What processes that send for days have in common: how they begin, and how they are ended."""

import asyncio
import gc
import signal
from contextlib import suppress


def keep_what_is_loaded() -> None:
    """Everything loaded so far stays: the collector need not examine it repeatedly while rows come and go."""
    gc.freeze()
    gc.set_threshold(20_000, 50, 50)


async def until_ended(working: asyncio.Task[None]) -> None:
    """Returns when the task is over. SIGTERM and Ctrl-C cancel it."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, working.cancel)
    with suppress(asyncio.CancelledError):
        await working
