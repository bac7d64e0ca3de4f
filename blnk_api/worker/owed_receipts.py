"""Finds imports that need a receipt, and writes it: each is written once, whoever finds it first."""

import logging

from sqlalchemy.exc import SQLAlchemyError

from blnk_api.reports import receipts
from blnk_api.settings import Settings
from blnk_api.store import Store
from blnk_api.store.kept_files import files_of
from blnk_api.store.people import receipt_records

log = logging.getLogger("blnk.closing")

_AT_ONCE = 50


class OwedReceipts:
    """Remembers how far it has looked: only the first time it examines all imports."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._owed: set[int] = set()
        self._since_event = 0
        self._failed: set[int] = set()

    def look(self) -> list[int]:
        """Imports whose receipt can be written now, oldest first. Raises SQLAlchemyError."""
        with self._store.read() as tx:
            owed, newest = receipt_records.owed(tx, since_event=self._since_event)
            self._owed = {one for one in self._owed | set(owed) if receipt_records.is_owed(tx, one)}
            self._owed -= self._failed
            self._since_event = newest
            oldest = sorted(self._owed)[:_AT_ONCE]
            return [one for one in oldest if receipt_records.owed_as_of(tx, one) is not None]

    def write(self, settings: Settings, number: int) -> None:
        """An import without a valid receipt must not keep others from theirs. Raises OSError or
        SQLAlchemyError."""
        try:
            receipts.write_owed(self._store, files_of(self._store, settings), number)
        except (SQLAlchemyError, OSError):
            raise
        except Exception:
            log.exception("The receipt of import %d cannot be written", number)
            self._failed.add(number)
