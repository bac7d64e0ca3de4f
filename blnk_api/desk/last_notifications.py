"""The state of a connection's notifications: how many addresses, the last one sent, and which address
failed."""

from collections.abc import Sequence
from dataclasses import dataclass

from blnk_api.desk.desk import Desk
from blnk_api.notifications.owed import hash_of
from blnk_api.settings import Connection
from blnk_api.store import imports, instance_numbers
from blnk_api.store.imports import Import
from blnk_api.store.outbox import delivery
from blnk_api.store.outbox.delivery import Delivered
from blnk_api.wording import about_notifications


@dataclass(frozen=True)
class Last:
    """The last notification, and a sentence about addresses that did not accept it."""

    delivered: Delivered
    import_: Import | None
    failing: Sequence[str]


def last(desk: Desk, connection: Connection) -> Last | None:
    """None if there was none yet."""
    with desk.store.read() as tx:
        number = instance_numbers.known_number(tx, connection.instance)
        found = delivery.last_ones(tx, number) if number is not None else []
        if not found:
            return None
        of = found[0].notification.import_
        import_ = None if of is None else imports.by_number(tx, of)
    failing = []
    for at, address in enumerate(connection.notify, start=1):
        if (problem := found[0].problems.get(hash_of(address))) is not None:
            failing.append(about_notifications.failing(at, problem.why, is_tried=problem.is_tried))
    return Last(found[0], import_, failing)
