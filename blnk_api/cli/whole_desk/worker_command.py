"""`worker`: one of the processes that check files and send, on as many machines as wanted."""

import asyncio
import gc
import signal
from argparse import Namespace
from collections.abc import Awaitable
from contextlib import suppress

from blnk_api import settings as settings_module
from blnk_api.cli.exits import CommandFailed, ExitCode
from blnk_api.common import log
from blnk_api.store import Store
from blnk_api.store.sending.leases import LeaseLost


def worker(_options: Namespace) -> ExitCode:
    """Until it is ended with SIGTERM or Ctrl-C. What it had begun is gone on with by another."""
    log.to_stderr()
    settings = settings_module.load()
    store = Store(settings.database_url)
    is_alone = store.is_sqlite
    store.close()
    # What was loaded stays: the collector need not look at it again and again while rows come and go.
    gc.freeze()
    gc.set_threshold(20_000, 50, 50)
    # Imported here: no other command needs them.
    import uvloop

    if is_alone:
        # The data folder is on this machine, and so is whoever works on it.
        from blnk_api.worker import main

        try:
            uvloop.run(main.main([]))
        except LeaseLost as problem:
            raise CommandFailed(str(problem) or "Another process is now sending.", ExitCode.STOPPED) from None
    else:
        from blnk_api.worker.fleet import fleet_worker

        uvloop.run(_until_ended(fleet_worker.run(settings)))
    return ExitCode.FINE


async def _until_ended(work: Awaitable[None]) -> None:
    working = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, working.cancel)
    with suppress(asyncio.CancelledError):
        await working
