"""Sends the notifications that a command caused, if no app is running that would."""

import logging
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy.exc import SQLAlchemyError

from blnk_api.cli.output import remark
from blnk_api.cli.session import Session
from blnk_api.notifications import process
from blnk_api.notifications.owed import to_be_sent
from blnk_api.store.outbox import delivery, notifications
from blnk_api.store.sending import senders
from blnk_api.wording import about_notifications


@contextmanager
def sent_at_end(opened: Session) -> Iterator[None]:
    """Sends the notifications that arise inside afterwards, for as long as the settings allow. The next app
    or command sends the rest. If the store cannot be used, they stay there, and nothing is reported here."""
    before = None
    with suppress(SQLAlchemyError, OSError), opened.store.read() as tx:
        before = notifications.newest(tx)
    try:
        yield
    finally:
        if before is not None:
            with suppress(SQLAlchemyError, OSError):
                _send(opened, after=before)


def _send(opened: Session, *, after: int) -> None:
    with opened.store.read() as tx:
        sender = senders.current(tx)
        is_new = notifications.newest(tx) > after
    if not is_new or (sender is not None and not sender.owner.startswith(senders.COMMAND_LINE)):
        return
    with opened.store.write() as tx:
        if not to_be_sent(tx, opened.settings):
            return
    sending = process.start()
    try:
        sending.wait(opened.settings.waits.notices_sent)
    except subprocess.TimeoutExpired:
        sending.kill()
        sending.wait()
    with opened.store.read() as tx:
        left = delivery.unsent(tx, after=after)
    if left:
        remark(about_notifications.not_sent_yet(left), logging.WARNING)
