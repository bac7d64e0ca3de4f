"""Which notifications must be sent: those of connections with addresses. Does not load Apprise."""

import hashlib

from sqlalchemy import Connection as Tx

from blnk_api.settings import Settings
from blnk_api.store.outbox import delivery
from blnk_api.store.outbox.notifications import Notification


def hash_of(address: str) -> str:
    """The hash by which the database identifies an address."""
    return hashlib.sha256(address.encode()).hexdigest()[:32]


def to_be_sent(tx: Tx, settings: Settings) -> list[Notification]:
    """The notifications that are due and have a recipient. All other due notifications are dropped."""
    wanted = []
    for notification in delivery.due(tx):
        connection = settings.connection_of(notification.instance)
        if connection is not None and connection.notify:
            wanted.append(notification)
        else:
            delivery.drop_without_recipient(tx, notification, has_connection=connection is not None)
    return wanted
