"""The addresses of connections, as Apprise understands them. Only the process that sends loads this module:
Apprise takes half a second of processor time to load.

Addresses are secrets: nothing of one is ever logged, raised or kept.
"""

import logging
import re
import warnings

import apprise

from blnk_api.settings import Connection
from blnk_api.wording import about_notices
from blnk_api.wording.about_notices import Told

_STATUS = re.compile(r"error=(\d{3})\b")
"""As Apprise's messages name it: the only part of them that holds nothing of an address."""
_SECONDS = 20.0


class NotTaken(Exception):
    """An address did not take a notification. The text says why, and nothing of the address."""

    def __init__(self, why: str, *, for_good: bool = False) -> None:
        super().__init__(why)
        self.for_good = for_good


def not_understood(connection: Connection) -> list[int]:
    """Which of a connection's addresses Apprise cannot parse, counted from 1."""
    return [at for at, address in enumerate(connection.notify, start=1) if _parsed(address) is None]


def send(address: str, told: Told) -> None:
    """Sends once, and waits for it. Raises NotTaken."""
    target = _parsed(address)
    if target is None:
        raise NotTaken(about_notices.NOT_UNDERSTOOD, for_good=True)
    sender = apprise.Apprise(asset=_ASSET)
    sender.add(target)
    heard: list[str] = []
    try:
        is_taken = sender.notify(
            title=told.title,
            body=told.body,
            body_format=apprise.NotifyFormat.TEXT,
            timeout=_SECONDS,
            log_callback=lambda entry, _: heard.append(entry.message),
            log_level=logging.WARNING,
        )
    except Exception:  # of a library of someone else's, and its text may hold the address
        raise NotTaken(about_notices.NOT_TAKEN) from None
    if not is_taken:
        status = next(filter(None, map(_STATUS.search, heard)), None)
        raise NotTaken(about_notices.answered(status[1]) if status else about_notices.NOT_TAKEN)


def _parsed(address: str) -> apprise.NotifyBase | None:
    try:
        found: apprise.NotifyBase | None = apprise.Apprise.instantiate(address, asset=_ASSET)
    except Exception:  # the same
        return None
    return found


_ASSET = apprise.AppriseAsset(async_mode=False, secure_logging=True)
_ASSET.app_id = "Balance Desk"
_ASSET.app_desc = "Balance Desk for Blnk"
_ASSET.app_url = ""


def keep_quiet() -> None:
    """Once for the process: what Apprise and the libraries below it log may hold an address."""
    warnings.simplefilter("ignore")
    logging.getLogger().setLevel(logging.CRITICAL + 1)
    theirs = logging.getLogger("apprise")
    theirs.propagate = False
    theirs.handlers[:] = [logging.NullHandler()]
    theirs.setLevel(logging.WARNING)  # `send` reads the status from what is logged
