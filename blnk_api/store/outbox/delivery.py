"""The delivery of notifications to addresses: claimed before sending, retried, and finally given up.

An address is stored only as a hash, because it may contain a password.
"""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, exists, func, select, update

from blnk_api.store.inserts import insert_or
from blnk_api.store.outbox.notifications import ALL, Notification, notification_of
from blnk_api.store.tables import deliveries, notices

MOST_TRIES = 8
"""With waits that grow from a minute, the last try is about eighteen hours after the first."""
_GROWS = 3
_KEPT_SECONDS = 86_400.0
"""How long a notification waits for a connection to its instance to be set up again."""
_AT_ONCE = 500
REMOVED = "It was removed from the settings."


def due(tx: Connection) -> list[Notification]:
    """The notifications that need attention now, oldest first. Called each second: one index look-up."""
    query = ALL.where(notices.c.next_at <= time.time()).order_by(notices.c.id).limit(_AT_ONCE)
    return [notification_of(one) for one in tx.execute(query)]


def unsent(tx: Connection, *, after: int) -> int:
    """How many deliveries of notifications after this one are still being tried."""
    still = select(func.count()).where(deliveries.c.notice > after, deliveries.c.next_at.is_not(None))
    return tx.execute(still).scalar_one()


def drop_without_recipient(tx: Connection, notification: Notification, *, has_connection: bool) -> None:
    """No address is set up for it, so it is dropped. Without a connection it waits a day for one."""
    now = time.time()
    keeps = not has_connection and now - notification.at < _KEPT_SECONDS
    _set_next(tx, notification.id, now + 60.0 if keeps else None)


def address_it(tx: Connection, notification: Notification, addresses: Collection[str]) -> None:
    """Assigns a notification to each of these addresses that does not have it yet. Addresses that are no
    longer set up are dropped."""
    now = time.time()
    owed = [{"notice": notification.id, "address": one, "tries": 0, "next_at": now} for one in addresses]
    tx.execute(insert_or(tx, deliveries).values(owed).on_conflict_do_nothing())
    gone = [
        deliveries.c.notice == notification.id,
        deliveries.c.next_at.is_not(None),
        deliveries.c.address.not_in(list(addresses)),
    ]
    tx.execute(update(deliveries).where(*gone).values(next_at=None, problem=REMOVED))


def claim(tx: Connection, notification: Notification, address: str, *, retry_seconds: float) -> bool:
    """Returns whether the caller may send it now; a simultaneous second caller may not. If the caller dies,
    it is tried again after the same wait as for a rejected notification."""
    now = time.time()
    mine = [
        deliveries.c.notice == notification.id,
        deliveries.c.address == address,
        deliveries.c.next_at <= now,
    ]
    tries: int | None = tx.execute(select(deliveries.c.tries).where(*mine)).scalar()
    if tries is None:
        return False
    then = now + retry_seconds * _GROWS**tries
    claimed = (
        update(deliveries).where(*mine, deliveries.c.tries == tries).values(tries=tries + 1, next_at=then)
    )
    return tx.execute(claimed).rowcount == 1


def was_sent(tx: Connection, notification: Notification, address: str) -> None:
    _settle(tx, notification, address, sent_at=time.time(), next_at=None, problem=None)


def was_not_sent(
    tx: Connection, notification: Notification, address: str, *, why: str, for_good: bool
) -> bool:
    """Returns whether that was the last try."""
    tries = select(deliveries.c.tries).where(
        deliveries.c.notice == notification.id, deliveries.c.address == address
    )
    is_last = for_good or tx.execute(tries).scalar_one() >= MOST_TRIES
    _settle(tx, notification, address, problem=why, **({"next_at": None} if is_last else {}))
    return is_last


def _settle(tx: Connection, notification: Notification, address: str, **facts: float | str | None) -> None:
    """Never changes a delivery that was sent: two processes may have sent it, and one of them may have
    failed."""
    mine = [deliveries.c.notice == notification.id, deliveries.c.address == address]
    tx.execute(update(deliveries).where(*mine, deliveries.c.sent_at.is_(None)).values(**facts))


def look_again_when_due(tx: Connection, notification: Notification) -> None:
    """The notification is due again with the first of its deliveries, and finished with the last."""
    first = select(func.min(deliveries.c.next_at)).where(deliveries.c.notice == notification.id)
    _set_next(tx, notification.id, tx.execute(first).scalar())


def _set_next(tx: Connection, notification: int, at: float | None) -> None:
    tx.execute(update(notices).where(notices.c.id == notification).values(next_at=at))


@dataclass(frozen=True)
class Problem:
    """Why an address has not accepted a notification so far."""

    why: str
    is_tried: bool
    """Whether it will be tried again."""


@dataclass(frozen=True)
class Delivered:
    """The delivery of one notification to the current addresses: `problems` by the hash of the address."""

    notification: Notification
    sent: int
    sent_at: float | None
    open: int
    """How many addresses are still being tried."""
    problems: Mapping[str, Problem]

    @property
    def is_on_its_way(self) -> bool:
        return bool(self.open)


def last_ones(tx: Connection, instance: int, *, limit: int = 1) -> list[Delivered]:
    """The last notifications of an instance that were or will be sent to anyone, newest first."""
    has_any = exists().where(deliveries.c.notice == notices.c.id)
    query = ALL.where(notices.c.instance == instance, notices.c.next_at.is_not(None) | has_any)
    found = [notification_of(one) for one in tx.execute(query.order_by(notices.c.id.desc()).limit(limit))]
    return [_delivered(tx, one) for one in found]


def _delivered(tx: Connection, notification: Notification) -> Delivered:
    owed = tx.execute(select(deliveries).where(deliveries.c.notice == notification.id)).all()
    is_new = not owed and (
        tx.execute(select(notices.c.next_at).where(notices.c.id == notification.id)).scalar() is not None
    )
    sent: Sequence[float] = [one.sent_at for one in owed if one.sent_at is not None]
    problems = {
        one.address: Problem(one.problem, is_tried=one.next_at is not None)
        for one in owed
        if one.problem and one.problem != REMOVED
    }
    still = sum(one.next_at is not None for one in owed) + is_new
    return Delivered(notification, len(sent), max(sent, default=None), still, problems)
