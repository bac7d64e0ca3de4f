"""What people changed in a draft: cells, and skipped rows. Only ever added to; the newest entry counts.

A table row without a column concerns the whole record: it is skipped, or included again.
"""

import secrets
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, select, update

from blnk_api.access.actors import Actor
from blnk_api.store.people.stored_actor import read, selected, stored
from blnk_api.store.tables import repairs
from blnk_api.store.tables.base import AnyQuery
from blnk_api.store.trail import chain, hashes
from blnk_api.store.trail.chain import Entry

LEFT_OUT, TAKEN_IN = "left out", "taken in"


class Edit(NamedTuple):
    """A cell's new text: the record's number in the spreadsheet, the column from 0, the text."""

    number: int
    position: int
    new: str


@dataclass(frozen=True, slots=True)
class RecordedEdit:
    """One change, with its author, old and new text. `position` None is the whole record."""

    number: int
    position: int | None
    old: str
    new: str
    who: Actor
    at: float


def add(
    tx: Connection, import_: int, changes: Sequence[tuple[int, int | None, str, str]], *, who: Actor
) -> None:
    """Records changes: (number, position, old, new) each. The trail links them when `tx` commits."""
    if not changes:
        return
    now, by, batch = time.time(), stored(who), secrets.token_hex(8)
    values: list[dict[str, object]] = []
    taken = hashes.Edits(batch)
    for number, at, old, new in changes:
        salt = secrets.token_bytes(16)
        digest = hashes.of_texts(salt, old, new)
        taken.add(number, at, digest, now, tuple(by.values()))
        texts = {"old": old, "new": new, "salt": salt, "digest": digest, "batch": batch}
        values.append({"import_": import_, "number": number, "position": at, "at": now, **texts, **by})
    tx.execute(repairs.insert(), values)
    chain.add(tx, import_, Entry(None, batch, taken.digest))


_ALL = (
    select(
        repairs.c.number, repairs.c.position, repairs.c.old, repairs.c.new, repairs.c.at, *selected(repairs)
    )
    .where(repairs.c.forgotten.is_(False))
    .order_by(repairs.c.id)
)


def of_import(tx: Connection, import_: int) -> list[RecordedEdit]:
    """Every change, oldest first."""
    return _read(tx, _ALL.where(repairs.c.import_ == import_))


def of_records(tx: Connection, import_: int, numbers: Collection[int]) -> list[RecordedEdit]:
    """Like `of_import`, for some records only."""
    return _read(tx, _ALL.where(repairs.c.import_ == import_, repairs.c.number.in_(sorted(numbers))))


# Any: a row with these columns.
def _read(tx: Connection, query: AnyQuery) -> list[RecordedEdit]:
    return [
        RecordedEdit(one.number, one.position, one.old, one.new, read(one), one.at)
        for one in tx.execute(query)
    ]


def are_any(tx: Connection, imports: Collection[int]) -> bool:
    """Whether anything was changed in one of these imports."""
    mine = select(repairs.c.id).where(repairs.c.import_.in_(imports), repairs.c.forgotten.is_(False))
    return tx.execute(mine.limit(1)).first() is not None


def last_at(tx: Connection, import_: int) -> float | None:
    """When the newest change was made."""
    mine = select(repairs.c.at).where(repairs.c.import_ == import_, repairs.c.forgotten.is_(False))
    at: float | None = tx.execute(mine.order_by(repairs.c.id.desc()).limit(1)).scalar()
    return at


def originals(tx: Connection, import_: int) -> dict[int, dict[int, str]]:
    """Cells whose text differs from the file: number → column → the file's text."""
    first: dict[tuple[int, int], str] = {}
    last: dict[tuple[int, int], str] = {}
    for one in of_import(tx, import_):
        if one.position is not None:
            first.setdefault((one.number, one.position), one.old)
            last[one.number, one.position] = one.new
    found: dict[int, dict[int, str]] = {}
    for (number, position), old in first.items():
        if last[number, position] != old:
            found.setdefault(number, {})[position] = old
    return found


def forget(tx: Connection, import_: int) -> None:
    """The file is now read differently, so its rows and columns are no longer those that were changed. The
    changes remain in the trail."""
    tx.execute(update(repairs).where(repairs.c.import_ == import_).values(forgotten=True))


def purge(tx: Connection, import_: int) -> None:
    """Deletes the texts, and with them the salts. Who changed which cell, and the digests, stay."""
    tx.execute(update(repairs).where(repairs.c.import_ == import_).values(old="", new="", salt=None))
