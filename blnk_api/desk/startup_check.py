"""Checks every connection once when the app starts, so that a broken one is noticed before an import.

A failure is shown on the pages of that connection until a later check passes or the connection changes.
"""

import logging

from sqlalchemy.exc import SQLAlchemyError

from blnk_api.desk import health
from blnk_api.desk.desk import Desk, open_desk
from blnk_api.desk.health import Check, Verdict
from blnk_api.errors import SettingsProblem
from blnk_api.settings import Connection
from blnk_api.store import StoreUnavailable
from blnk_api.store.sending.senders import SenderIs, Sending

_log = logging.getLogger(__name__)
_failed: dict[str, tuple[Connection, Check]] = {}


def check_all() -> None:
    """Checks one connection after the other, about a minute if none answers. Failures are logged."""
    try:
        desk = open_desk()
        for connection in desk.settings.connections.values():
            _ask(desk, connection)
    except (SettingsProblem, StoreUnavailable, SQLAlchemyError, OSError) as problem:
        _log.warning("Connections were not checked at startup: %s", problem)  # pages show the problem


def _ask(desk: Desk, connection: Connection) -> None:
    found = list(health.run(desk, connection, Sending(SenderIs.STARTING)))
    remember(connection, found)
    for one in found:
        if one.verdict is Verdict.FAILED:
            _log.warning("%s: %s %s", connection.name, one.question, one.answer)


def remember(connection: Connection, found: list[Check]) -> None:
    """Replaces what was found before. Whether a sender is running is not stored: pages check it
    themselves."""
    wrong = (one for one in found if one.verdict is Verdict.FAILED and one.question != health.WHO_SENDS)
    failed = next(wrong, None)
    if failed is None:
        _failed.pop(connection.name, None)
    else:
        _failed[connection.name] = connection, failed


def failed(connection: Connection) -> Check | None:
    """The failed check of this connection with its current credentials, if any."""
    checked, found = _failed.get(connection.name, (None, None))
    is_same = checked == connection and checked.notify == connection.notify
    return found if is_same else None
