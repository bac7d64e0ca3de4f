"""What the last check of a whole file found in Blnk, as JSON, stored while the import is a draft.

It names customers, so it is deleted as soon as no check needs it.
"""

import time
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from blnk_api.store.tables import known_in_blnk


class KnownFacts(NamedTuple):
    at: float
    known: str


def keep(tx: Connection, import_: int, known: str) -> None:
    forget(tx, import_)
    tx.execute(insert(known_in_blnk).values(import_=import_, at=time.time(), known=known))


def add(tx: Connection, import_: int, known: str) -> None:
    """Replaces what was known, without making it more recent."""
    tx.execute(update(known_in_blnk).where(known_in_blnk.c.import_ == import_).values(known=known))


def of(tx: Connection, import_: int) -> KnownFacts | None:
    query = select(known_in_blnk.c.at, known_in_blnk.c.known).where(known_in_blnk.c.import_ == import_)
    found = tx.execute(query).first()
    return None if found is None else KnownFacts(*found)


def forget(tx: Connection, import_: int) -> None:
    tx.execute(delete(known_in_blnk).where(known_in_blnk.c.import_ == import_))
