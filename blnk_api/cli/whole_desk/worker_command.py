"""`worker`: one of the processes that check files and send, on as many machines as wanted."""

import asyncio
from argparse import Namespace

from blnk_api import settings as settings_module
from blnk_api.cli.exit_codes import CommandFailed, ExitCode
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
    # Imported here: no other command needs them.
    import uvloop

    from blnk_api.worker.long_lived import keep_what_is_loaded, until_ended

    if is_alone:
        # The data folder is on this machine, and so is whoever works on it.
        from blnk_api.worker import main

        keep_what_is_loaded()
        try:
            uvloop.run(main.main([]))
        except LeaseLost as problem:
            raise CommandFailed(str(problem) or "Another process is now sending.", ExitCode.STOPPED) from None
    else:
        from blnk_api.worker.fleet import fleet_worker

        async def work() -> None:
            working = asyncio.create_task(fleet_worker.run(settings))
            await until_ended(working, most_seconds=settings.waits.end)

        keep_what_is_loaded()
        uvloop.run(work())
    return ExitCode.FINE
