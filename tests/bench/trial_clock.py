"""A sender whose time of day the trial moves: what is due in a day is due at once.

    python -m tests.bench.trial_clock FILE

`FILE` says how many seconds its clock is ahead; it is read each time. Ends with its standard input.
"""

import asyncio
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from blnk_api import settings as settings_module
from blnk_api.store import Store
from blnk_api.worker.main import Worker


async def main() -> None:
    ahead = Path(sys.argv[1])
    settings = settings_module.load()
    worker = Worker(
        settings,
        Store(settings.database_url),
        "the trial's clock",
        wall=lambda: time.time() + float(ahead.read_text()),
    )
    working = asyncio.create_task(worker.run())
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), _end_with_stdin, working)
    with suppress(asyncio.CancelledError):
        await working


def _end_with_stdin(working: asyncio.Task[None]) -> None:
    if not os.read(sys.stdin.fileno(), 1024):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        working.cancel()


if __name__ == "__main__":
    asyncio.run(main())
