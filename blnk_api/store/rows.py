"""Rows in the store: finding them, and reading them in pages by key."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, func, select

from blnk_api.common.row_label import label_of
from blnk_api.currencies import Severity
from blnk_api.facts import problems
from blnk_api.facts.file_shape import Flaw
from blnk_api.facts.problems import Problem
from blnk_api.store.states import NEEDS_YOU, STATUSES, RowState, status_of
from blnk_api.store.tables import rows
from blnk_api.store.tables.base import AnyQuery, AnyRow
from blnk_api.store.transitions import IDS_PER_STATEMENT


class StoredRow(NamedTuple):
    """A stored row. A plain tuple, because a file may have a million."""

    id: int
    number: int
    part: str
    state: RowState
    cells: list[str]
    ledger_id: str | None
    currency: str | None
    body: bytes | None
    ref: str | None
    tries: int
    waits_for_person: bool
    balance_id: str | None
    message: str | None
    why: str | None
    problems: list[Problem]
    changed_at: float
    flaws: str | None = None
    """As JSON, because it is rarely needed."""
    own_key: int | None = None
    twin_key: int | None = None

    @property
    def label(self) -> str:
        """How people refer to it: the record's number, with the currency if a record makes several
        balances."""
        return label_of(self.number, self.part)

    @property
    def status(self) -> str:
        """The word for its state that people read."""
        return status_of(self.state, waits_for_person=self.waits_for_person)

    @property
    def wrong(self) -> str:
        """What the check found that prevents it from being sent, or ""."""
        return problems.errors_as_text(self.problems)


_STATES = {str(one): one for one in RowState}
_STORED = tuple(rows.c[name] for name in StoredRow._fields)


def stored() -> AnyQuery:
    """A query for rows to pass to `row_of`."""
    return select(*_STORED)


def flaws_kept(kept: str | None) -> tuple[Flaw, ...]:
    return () if kept is None else tuple(Flaw(*one) for one in orjson.loads(kept))


def page(
    tx: Connection,
    import_: int,
    *,
    states: Sequence[RowState] | None = None,
    waits_for_person: bool | None = None,
    severity: Severity | None = None,
    with_problems: bool = False,
    after: int = 0,
    limit: int = 100,
) -> list[StoredRow]:
    """Rows in file order after the row with this id. `waits_for_person` limits rows in doubt to one kind.

    With `severity` only those with such a problem, with `with_problems` those with any.
    """
    query = stored().where(rows.c.import_ == import_, rows.c.id > after).order_by(rows.c.id).limit(limit)
    if states is not None:
        query = query.where(rows.c.state.in_(list(states)))
    if waits_for_person is not None:
        query = query.where(rows.c.waits_for_person.is_(waits_for_person))
    if severity is not None:
        query = query.where(rows.c.problems.contains(f'"severity":"{severity}"', autoescape=True))
    if with_problems:
        query = query.where(rows.c.problems.is_not(None))
    return [row_of(one) for one in tx.execute(query).all()]  # one by one they would cost twice as much


def of_status(tx: Connection, import_: int, status: str, *, after: int = 0, limit: int) -> list[StoredRow]:
    """Rows with this status word (one of STATUSES), in file order after the row with this id."""
    state = STATUSES[status]
    waits = status == NEEDS_YOU if state is RowState.UNKNOWN else None
    return page(tx, import_, states=[state], waits_for_person=waits, after=after, limit=limit)


def waiting_for_person(tx: Connection, import_: int, *, limit: int) -> list[StoredRow]:
    """The first rows in file order that only a person can settle."""
    return of_status(tx, import_, NEEDS_YOU, limit=limit)


def ids_of(tx: Connection, import_: int, number: int, part: str = "") -> list[int]:
    """The rows of one record, or the row of one of its parts."""
    query = select(rows.c.id).where(rows.c.import_ == import_, rows.c.number == number)
    if part:
        query = query.where(rows.c.part == part)
    return [one.id for one in tx.execute(query)]


def cells_of(tx: Connection, import_: int, numbers: Collection[int]) -> dict[int, list[str]]:
    """The current cells of some records, by number. A number without a row is missing."""
    wanted = sorted(numbers)
    found: dict[int, list[str]] = {}
    for start in range(0, len(wanted), IDS_PER_STATEMENT):
        part = wanted[start : start + IDS_PER_STATEMENT]
        query = select(rows.c.number, rows.c.cells).where(rows.c.import_ == import_, rows.c.number.in_(part))
        found |= {one.number: orjson.loads(one.cells) if one.cells else [] for one in tx.execute(query)}
    return found


def labels_of(tx: Connection, ids: Collection[int]) -> dict[int, str]:
    """The labels of these rows, by id."""
    query = select(rows.c.id, rows.c.number, rows.c.part)
    return {one.id: label_of(one.number, one.part) for one in _with_ids(tx, query, ids)}


def numbers_of(tx: Connection, ids: Collection[int]) -> dict[int, int]:
    """The record numbers of these rows, by row id."""
    return {one.id: one.number for one in _with_ids(tx, select(rows.c.id, rows.c.number), ids)}


def among(tx: Connection, import_: int, ids: Collection[int]) -> list[StoredRow]:
    """Those of these rows that belong to this import, in file order."""
    query = stored().where(rows.c.import_ == import_).order_by(rows.c.id)
    return [row_of(one) for one in _with_ids(tx, query, ids)]


def _with_ids(tx: Connection, query: AnyQuery, ids: Collection[int]) -> Iterator[AnyRow]:
    wanted = sorted(set(ids))
    for start in range(0, len(wanted), IDS_PER_STATEMENT):
        yield from tx.execute(query.where(rows.c.id.in_(wanted[start : start + IDS_PER_STATEMENT]))).all()


def of_records(tx: Connection, import_: int, numbers: Collection[int]) -> list[StoredRow]:
    """The rows of some records, in file order."""
    query = stored().where(rows.c.import_ == import_, rows.c.number.in_(sorted(numbers)))
    return [row_of(one) for one in tx.execute(query.order_by(rows.c.id))]


def with_problems(tx: Connection, import_: int, first: int, *, limit: int) -> list[tuple[int, list[Problem]]]:
    """Rows with problems from this record number on, by number."""
    query = (
        select(rows.c.number, rows.c.problems)
        .where(rows.c.import_ == import_, rows.c.problems.is_not(None), rows.c.number >= first)
        .order_by(rows.c.number, rows.c.id)
        .limit(limit)
    )
    return [(one.number, problems.from_json(one.problems)) for one in tx.execute(query)]


def by_id(tx: Connection, row: int) -> StoredRow:
    return row_of(tx.execute(stored().where(rows.c.id == row)).one())


def row_of(one: Sequence[Any]) -> StoredRow:
    """`one` is a row of `stored()`. By position, because names would cost more than everything else here."""
    id, number, part, state, cells, *between, problems_json, changed_at, flaws, own_key, twin_key = one
    first = id, number, part, _STATES[state], orjson.loads(cells) if cells else []
    last = problems.from_json(problems_json) if problems_json else [], changed_at, flaws, own_key, twin_key
    return StoredRow._make((*first, *between, *last))


@dataclass(frozen=True, slots=True)
class Total:
    """How many balances will be created in a ledger and currency."""

    ledger_id: str
    currency: str
    n: int


def totals(tx: Connection, import_: int, states: Sequence[RowState]) -> list[Total]:
    """Rows by ledger and currency, largest first. Scans the import once."""
    found = tx.execute(
        select(rows.c.ledger_id, rows.c.currency, func.count().label("n"))
        .where(rows.c.import_ == import_, rows.c.state.in_(list(states)))
        .group_by(rows.c.ledger_id, rows.c.currency)
        .order_by(func.count().desc(), rows.c.ledger_id, rows.c.currency)
    )
    return [Total(one.ledger_id, one.currency, one.n) for one in found]


def bodies(tx: Connection, import_: int, *, limit: int) -> list[bytes]:
    """The requests of an import's first valid rows, whatever their state."""
    found = tx.execute(
        select(rows.c.body)
        .where(rows.c.import_ == import_, rows.c.body.is_not(None))
        .order_by(rows.c.id)
        .limit(limit)
    )
    return [one.body for one in found]


def flaws_as_kept(flaws: Sequence[Flaw]) -> str | None:
    """As JSON, or None if there are none."""
    return orjson.dumps([[*one] for one in flaws]).decode() if flaws else None
