"""Sends the notifications that are due: to each address one after the other, to all addresses in parallel."""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from blnk_api.notifications import addresses
from blnk_api.notifications.addresses import NotTaken
from blnk_api.notifications.owed import hash_of, to_be_sent
from blnk_api.settings import Connection, Settings
from blnk_api.store import Store, imports
from blnk_api.store.outbox import delivery
from blnk_api.store.outbox.notifications import Notification
from blnk_api.wording import about_notifications
from blnk_api.wording.about_notifications import Message

log = logging.getLogger("blnk.notifications")

_AT_ONCE = 16


def send_due(store: Store, settings: Settings) -> None:
    """Returns when each address has accepted or rejected everything that is due. Raises SQLAlchemyError or
    OSError if the store cannot be used."""
    owed: dict[str, list[tuple[Notification, Connection, Message]]] = {}
    with store.write() as tx:
        due = to_be_sent(tx, settings)
        for notification in due:
            connection = settings.connection_of(notification.instance)
            assert connection is not None
            delivery.address_it(tx, notification, [hash_of(one) for one in connection.notify])
            import_ = (
                imports.by_number(tx, notification.import_) if notification.import_ is not None else None
            )
            message = about_notifications.message(notification, import_, connection, settings)
            for address in connection.notify:
                owed.setdefault(address, []).append((notification, connection, message))
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        list(threads.map(lambda one: _send_all(store, settings, *one), owed.items()))
    with store.write() as tx:
        for notification in due:
            delivery.look_again_when_due(tx, notification)


def _send_all(
    store: Store, settings: Settings, address: str, owed: Sequence[tuple[Notification, Connection, Message]]
) -> None:
    hash_ = hash_of(address)
    for notification, connection, message in owed:
        with store.write() as tx:
            if not delivery.claim(tx, notification, hash_, retry_seconds=settings.waits.notice_retry):
                continue
        try:
            addresses.send(address, message)
        except NotTaken as problem:
            with store.write() as tx:
                is_last = delivery.was_not_sent(
                    tx, notification, hash_, why=str(problem), for_good=problem.for_good
                )
            which = f"connections.{connection.name}.notify, address {connection.notify.index(address) + 1}"
            then = "It is not tried again." if is_last else "It is tried again later."
            log.warning("%s: %s %s", which, problem, then)
        else:
            with store.write() as tx:
                delivery.was_sent(tx, notification, hash_)
