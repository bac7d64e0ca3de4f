"""Finishes imports that have ended: receipts, and, if the settings say so, a purge years later.

Runs in a separate thread, so that sending never waits for it.
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

_AGAIN_SECONDS = 30.0
"""The wait after a full disk, or a database that did not answer."""


class Housekeeping:
    """One for each process. Several processes may have one, because each receipt is written once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._thread: threading.Thread | None = None
        self._receipts = OwedReceipts(store)
        self._not_before = -math.inf
        self._purged_at = -math.inf
        self._expired_at = -math.inf
        self._lapsed_at = -math.inf

    def tend(self, settings: Settings) -> None:
        """Starts what needs to be done, unless it is still running. Never waits, never raises."""
        if self._thread is None or not self._thread.is_alive():
            # A daemon thread: the process may end at any moment, and unfinished work is repeated.
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
        """Writes the receipts that are due, and purges. Raises OSError or SQLAlchemyError."""
        for number in self._receipts.look():
            self._receipts.write(settings, number)
        if time.monotonic() - self._purged_at > purge_imports.EVERY_SECONDS:
            self._purged_at = time.monotonic()
            purge_imports.purge_old(self._store, settings)
        if time.monotonic() - self._lapsed_at > lapse_approvals.EVERY_SECONDS:
            self._lapsed_at = time.monotonic()
            lapse_approvals.lapse(self._store)
        if time.monotonic() - self._expired_at > expire_drafts.EVERY_SECONDS:
            self._expired_at = time.monotonic()
            expire_drafts.expire(self._store, settings)
