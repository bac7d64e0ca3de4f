"""The addresses of connections, as Apprise understands them. Only the sending process imports this module:
loading Apprise takes half a second of processor time.

Addresses are secrets: no part of one is ever logged, raised or stored.
"""

import logging
import re
import warnings

import apprise

from blnk_api.settings import Connection
from blnk_api.wording import about_notifications
from blnk_api.wording.about_notifications import Message

_STATUS = re.compile(r"error=(\d{3})\b")
"""The HTTP status in Apprise's messages: the only part of them that contains nothing of an address."""
_SECONDS = 20.0


class NotTaken(Exception):
    """An address did not accept a notification. The text says why, and contains nothing of the address."""

    def __init__(self, why: str, *, for_good: bool = False) -> None:
        super().__init__(why)
        self.for_good = for_good


def not_understood(connection: Connection) -> list[int]:
    """The positions, counted from 1, of addresses that Apprise cannot parse."""
    return [at for at, address in enumerate(connection.notify, start=1) if _parsed(address) is None]


def send(address: str, message: Message) -> None:
    """Sends once, and waits for the result. Raises NotTaken."""
    target = _parsed(address)
    if target is None:
        raise NotTaken(about_notifications.NOT_UNDERSTOOD, for_good=True)
    sender = apprise.Apprise(asset=_ASSET)
    sender.add(target)
    heard: list[str] = []
    try:
        is_taken = sender.notify(
            title=message.title,
            body=message.body,
            body_format=apprise.NotifyFormat.TEXT,
            timeout=_SECONDS,
            log_callback=lambda entry, _: heard.append(entry.message),
            log_level=logging.WARNING,
        )
    except Exception:  # raised by a third-party library, and its text may contain the address
        raise NotTaken(about_notifications.NOT_TAKEN) from None
    if not is_taken:
        status = next(filter(None, map(_STATUS.search, heard)), None)
        raise NotTaken(about_notifications.answered(status[1]) if status else about_notifications.NOT_TAKEN)


def _parsed(address: str) -> apprise.NotifyBase | None:
    try:
        found: apprise.NotifyBase | None = apprise.Apprise.instantiate(address, asset=_ASSET)
    except Exception:  # same as above
        return None
    return found


_ASSET = apprise.AppriseAsset(async_mode=False, secure_logging=True)
_ASSET.app_id = "Balance Desk"
_ASSET.app_desc = "Balance Desk for Blnk"
_ASSET.app_url = ""


def keep_quiet() -> None:
    """Once for the process: what Apprise and its libraries log may contain an address."""
    warnings.simplefilter("ignore")
    logging.getLogger().setLevel(logging.CRITICAL + 1)
    theirs = logging.getLogger("apprise")
    theirs.propagate = False
    theirs.handlers[:] = [logging.NullHandler()]
    theirs.setLevel(logging.WARNING)  # `send` reads the status from what is logged
