"""Which notices must be sent: those of connections with addresses. Does not load Apprise."""

import hashlib

from sqlalchemy import Connection as Tx

from blnk_api.settings import Settings
from blnk_api.store.outbox import delivery
from blnk_api.store.outbox.notices import Notice


def hash_of(address: str) -> str:
    """The hash by which the database identifies an address."""
    return hashlib.sha256(address.encode()).hexdigest()[:32]


def to_be_sent(tx: Tx, settings: Settings) -> list[Notice]:
    """The notices that are due and have a recipient. All other due notices are dropped."""
    wanted = []
    for notice in delivery.due(tx):
        connection = settings.connection_of(notice.instance)
        if connection is not None and connection.notify:
            wanted.append(notice)
        else:
            delivery.drop_without_recipient(tx, notice, has_connection=connection is not None)
    return wanted
