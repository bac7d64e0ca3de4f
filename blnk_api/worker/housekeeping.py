"""What imports get when they are over: their receipts, and, where the settings say so, a purge years later.

In a thread beside the sending, which waits for none of it.
"""

import logging
import math
import threading
import time

from sqlalchemy.exc import SQLAlchemyError

from blnk_api.settings import Settings
from blnk_api.store import Store
from blnk_api.worker import expire_drafts, lapse_approvals, purge_imports
from blnk_api.worker.owed_receipts import OwedReceipts

log = logging.getLogger("blnk.closing")

_PURGES_SECONDS = 60.0
_EXPIRES_SECONDS = 3_600.0
_LAPSES_SECONDS = 30.0
_AGAIN_SECONDS = 30.0
"""After a disk that was full or a database that did not answer."""


class Housekeeping:
    """One for each process; every process that sends may have one, as each receipt is written once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._thread: threading.Thread | None = None
        self._receipts = OwedReceipts(store)
        self._not_before = -math.inf
        self._purged_at = -math.inf
        self._expired_at = -math.inf
        self._lapsed_at = -math.inf

    def tend(self, settings: Settings) -> None:
        """Begins what there is to do, unless that is still going on. Never waits, never raises."""
        if self._thread is None or not self._thread.is_alive():
            # A daemon: the process may end at any moment, and what was not finished is done again.
            self._thread = threading.Thread(target=self._tend, args=[settings], daemon=True, name="closing")
            self._thread.start()

    def _tend(self, settings: Settings) -> None:
        if time.monotonic() < self._not_before:
            return
        try:
            self.tend_now(settings)
        except (SQLAlchemyError, OSError) as problem:
            log.warning("A receipt or a purge is delayed: %s", problem)
            self._not_before = time.monotonic() + _AGAIN_SECONDS

    def tend_now(self, settings: Settings) -> None:
        """Writes the receipts that are owed, and purges. Raises OSError or SQLAlchemyError."""
        for number in self._receipts.look():
            self._receipts.write(settings, number)
        if time.monotonic() - self._purged_at > _PURGES_SECONDS:
            self._purged_at = time.monotonic()
            purge_imports.purge_old(self._store, settings)
        if time.monotonic() - self._lapsed_at > _LAPSES_SECONDS:
            self._lapsed_at = time.monotonic()
            lapse_approvals.lapse(self._store)
        if time.monotonic() - self._expired_at > _EXPIRES_SECONDS:
            self._expired_at = time.monotonic()
            expire_drafts.expire(self._store, settings)
