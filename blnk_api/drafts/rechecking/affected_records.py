"""Which other records a change affects: those that have, or had, a key in common with a changed one."""

from collections.abc import Collection, Iterator
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, select

from blnk_api.lookup import refs
from blnk_api.store.search import row_blocks
from blnk_api.store.tables import rows
from blnk_api.store.transitions import IDS_PER_STATEMENT

T = TypeVar("T")

_TURNS_AT_ONCE = 8


def with_own_keys(tx: Connection, import_: int, keys: Collection[int], *, most: int) -> set[int]:
    """The records with one of these reference keys. If there are more than `most`, `most` + 1 of them."""
    return _numbers(tx, import_, [rows.c.own_key.in_(part) for part in _parts(list(keys))], most)


def with_twin_keys(tx: Connection, import_: int, keys: Collection[int], *, most: int) -> set[int]:
    return _numbers(tx, import_, [rows.c.twin_key.in_(part) for part in _parts(list(keys))], most)


def with_content(tx: Connection, import_: int, hashes: Collection[str], *, most: int) -> set[int]:
    """The records whose refs have these hashes: rows that are the same balance are numbered from 0."""
    found: set[int] = set()
    here = row_blocks.of_imports(tx, [import_])
    waiting, turn = set(hashes), 0
    while waiting and len(found) <= most:
        candidates = [refs.make_ref(one, turn + n) for one in waiting for n in range(_TURNS_AT_ONCE)]
        met: set[str] = set()
        for part in _parts(candidates):
            query = select(rows.c.number, rows.c.ref).where(here, rows.c.ref.in_(part))
            for number, ref in tx.execute(query):
                found.add(number)
                met.add(ref)
        waiting = {one for one in waiting if refs.make_ref(one, turn + _TURNS_AT_ONCE - 1) in met}
        turn += _TURNS_AT_ONCE
    return found


def with_problems(tx: Connection, import_: int, *, most: int) -> set[int]:
    """The records that have problems."""
    return _numbers(tx, import_, [rows.c.problems.is_not(None)], most)


def _numbers(
    tx: Connection, import_: int, conditions: Collection[ColumnElement[bool]], most: int
) -> set[int]:
    found: set[int] = set()
    for condition in conditions:
        query = select(rows.c.number).distinct().where(rows.c.import_ == import_, condition).limit(most + 1)
        found.update(tx.execute(query).scalars())
    return found


def _parts(values: list[T]) -> Iterator[list[T]]:
    for start in range(0, len(values), IDS_PER_STATEMENT):
        yield values[start : start + IDS_PER_STATEMENT]
