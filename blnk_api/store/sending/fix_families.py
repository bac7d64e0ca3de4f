"""Imports that fix rows of one another, and the refs of their rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from blnk_api.store.search import row_blocks
from blnk_api.store.states import ImportState
from blnk_api.store.tables import imports, rows, superseded
from blnk_api.store.transitions import IDS_PER_STATEMENT


@dataclass(frozen=True, slots=True)
class Fix:
    """An import that fixes rows of another one."""

    number: int
    id: str
    state: ImportState
    rows: int


def fixes_of(tx: Connection, source: int) -> list[Fix]:
    """The imports that fix rows of this one, oldest first, without discarded drafts."""
    mine = (
        select(imports.c.number, imports.c.id, imports.c.state, func.count())
        .join(superseded, superseded.c.import_ == imports.c.number)
        .where(imports.c.fixes == source)
        .group_by(imports.c.number, imports.c.id, imports.c.state)
        .order_by(imports.c.number)
    )
    return [Fix(number, id, ImportState(state), count) for number, id, state, count in tx.execute(mine)]


def fixed_in(tx: Connection, row_ids: Sequence[int]) -> dict[int, str]:
    """The import in which each of these rows is fixed, by row id."""
    found: dict[int, str] = {}
    for start in range(0, len(row_ids), IDS_PER_STATEMENT):
        part = superseded.c.row.in_(row_ids[start : start + IDS_PER_STATEMENT])
        joined = select(superseded.c.row, imports.c.id).join(
            imports, imports.c.number == superseded.c.import_
        )
        found |= {row: id for row, id in tx.execute(joined.where(part))}
    return found


def family(tx: Connection, import_: int) -> list[int]:
    """An import, those whose rows it fixes, and all that fix rows of these: the rows of one file, each sent
    once.

    Without discarded drafts, of which nothing was ever sent.
    """
    first: int = import_
    while (
        before := tx.execute(select(imports.c.fixes).where(imports.c.number == first)).scalar()
    ) is not None:
        first = before
    found, newest = [first], [first]
    while newest:
        is_void = (imports.c.state == ImportState.CANCELLED) & imports.c.has_sent.is_(False)
        asked = select(imports.c.number).where(imports.c.fixes.in_(newest), ~is_void)
        newest = list(tx.execute(asked).scalars())
        found += newest
    return found


def refs_of(tx: Connection, numbers: Sequence[int], refs: Sequence[str]) -> set[str]:
    """Which of these refs belong to rows of these imports, in any state."""
    asked = select(rows.c.ref).where(row_blocks.of_imports(tx, numbers), rows.c.ref.in_(refs))
    return set(tx.execute(asked).scalars())
