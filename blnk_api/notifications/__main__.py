"""Sends the notifications that are due, or reports addresses that Apprise does not understand, and ends.

    python -m blnk_api.notifications
    python -m blnk_api.notifications --check NAME

A separate process, so that neither Apprise nor a slow address ever delays sending balances. It ends within a
minute: what was not sent by then is tried again.
"""

import argparse
import logging
import os
import threading

from sqlalchemy.exc import SQLAlchemyError

from blnk_api import settings as settings_module
from blnk_api.common import log
from blnk_api.errors import SettingsProblem
from blnk_api.notifications import addresses, send_due
from blnk_api.store import Store, StoreUnavailable

_MOST_SECONDS = 60.0
_log = logging.getLogger("blnk.notifications")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m blnk_api.notifications")
    parser.add_argument("--check", metavar="NAME", help="only say which addresses are not understood")
    options = parser.parse_args(arguments)
    addresses.keep_quiet()
    try:
        settings = settings_module.load()
        if options.check is None:
            send_due.send_due(Store(settings.database_url), settings)
        else:
            print(*addresses.not_understood(settings.connections[options.check]), flush=True)
    except (SettingsProblem, StoreUnavailable) as problem:
        _log.error("%s", problem)  # it names a key, never a value
        return 1
    except (SQLAlchemyError, OSError):
        _log.error("The import database cannot be used. Notifications are sent later.")
        return 1
    except Exception as problem:  # its text may contain an address
        _log.error("Notifications could not be sent: %s.", type(problem).__name__)
        return 1
    return 0


if __name__ == "__main__":
    log.to_stderr()
    timer = threading.Timer(_MOST_SECONDS, os._exit, [1])
    timer.daemon = True
    timer.start()
    os._exit(main())  # without waiting for a thread that an address delays
