"""Late look-ups in the store: rows that were called not created although a byte of them had left.

Blnk may carry out a request long after it seemed certainly lost. So each such row is looked up again: after
ten settle times, after an hour and after a day. These look-ups are recorded in the transaction that calls the
row not created, with the ref that it was sent under, because a fix may give it a new one. Rows whose balance
is another desk's, or was linked by a person, are included: their own request may still be carried out.

Rows that another desk may be sending at the same moment are looked up once more after ten settle times, too,
although they were created: by then neither desk looks anymore. These look-ups are recorded with the claim.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Table, delete, func, literal, select, update

from blnk_api.common.row_label import label_of
from blnk_api.store.inserts import insert_or
from blnk_api.store.tables import duplicate_looks, instances, late_looks, rows

SETTLES_BEFORE_FIRST = 10
HOUR_SECONDS = 3_600.0
DAY_SECONDS = 86_400.0
_SETTLE_UNTIL_KNOWN_SECONDS = 60.0
"""Used until a sender has recorded the settle time of this instance."""
_IDS_PER_STATEMENT = 500
_LABELS = 1_000


def waits(settle_seconds: float) -> list[float]:
    """How long after a row was called not created each of its look-ups is due."""
    return sorted([SETTLES_BEFORE_FIRST * settle_seconds, HOUR_SECONDS, DAY_SECONDS])


def next_after(since: float, looked_at: float, settle_seconds: float) -> float | None:
    """When the look-up after this one is due. An overdue look-up replaces all before it."""
    return next((since + wait for wait in waits(settle_seconds) if since + wait > looked_at), None)


_SETTLE = func.coalesce(instances.c.settle_seconds, _SETTLE_UNTIL_KNOWN_SECONDS)


def owe(tx: Connection, row_ids: Sequence[int]) -> None:
    """Schedules late look-ups for rows that were just called not created."""
    _owe(tx, late_looks, row_ids, key=["row", "ref"])


def owe_for_duplicates(tx: Connection, row_ids: Sequence[int]) -> None:
    """Schedules one look-up for rows that are sent now and that another desk may be sending as well."""
    _owe(tx, duplicate_looks, row_ids, key=["row"])


def _owe(tx: Connection, looks: Table, row_ids: Sequence[int], *, key: list[str]) -> None:
    now = time.time()
    names = ["row", "ref", "import_", "instance", "since", "next_at"]
    for start in range(0, len(row_ids), _IDS_PER_STATEMENT):
        asked = (
            select(
                rows.c.id,
                rows.c.ref,
                rows.c.import_,
                rows.c.instance,
                literal(now),
                literal(now) + _SETTLE * SETTLES_BEFORE_FIRST,
            )
            .join(instances, instances.c.id == rows.c.instance)
            .where(rows.c.id.in_(row_ids[start : start + _IDS_PER_STATEMENT]), rows.c.ref.is_not(None))
        )
        owed = insert_or(tx, looks).from_select(names, asked)
        again = {one: owed.excluded[one] for one in ("ref", "since", "next_at") if one not in key}
        tx.execute(owed.on_conflict_do_update(index_elements=key, set_=again))


@dataclass(frozen=True, slots=True)
class Due:
    """One look-up that is due."""

    row: int
    ref: str
    import_: int
    since: float


def due(tx: Connection, instance: int, now: float, *, limit: int) -> list[Due]:
    """The due look-ups of an instance, longest overdue first."""
    mine = late_looks.c
    found = tx.execute(
        select(mine.row, mine.ref, mine.import_, mine.since)
        .where(mine.instance == instance, mine.next_at <= now)
        .order_by(mine.next_at)
        .limit(limit)
    )
    return [Due(*one) for one in found]


def due_for_duplicates(
    tx: Connection, instance: int, now: float, *, settle_seconds: float, limit: int
) -> list[Due]:
    """Like `due`, for rows that another desk may have created too. Waits for a settle time, so that the rows
    that an import began with are looked up together."""
    mine = duplicate_looks.c
    begun = select(mine.import_).where(mine.instance == instance, mine.next_at <= now - settle_seconds)
    found = tx.execute(
        select(mine.row, mine.ref, mine.import_, mine.since)
        .where(mine.instance == instance, mine.next_at <= now, mine.import_.in_(begun))
        .order_by(mine.next_at, mine.row)
        .limit(limit)
    )
    return [Due(*one) for one in found]


def looked_for_duplicates(tx: Connection, next_at: Mapping[Due, float | None]) -> None:
    """Records when the look-ups that were not answered are repeated. The others are over."""
    mine = duplicate_looks.c
    for one, then in next_at.items():
        this = (mine.row == one.row, mine.since == one.since)
        if then is None:
            tx.execute(delete(duplicate_looks).where(*this))
        else:
            tx.execute(update(duplicate_looks).where(*this).values(next_at=then))


def looked(tx: Connection, next_at: Mapping[Due, float | None], *, at: float) -> None:
    """Records that these look-ups were answered, and when the next ones are due."""
    for one, then in next_at.items():
        # Called not created again while it was looked up: its newer schedule stays.
        _set(tx, one, next_at=then, looked_at=at)


def put_off(tx: Connection, unanswered: Sequence[Due], *, until: float) -> None:
    """Nothing was learned about these."""
    for one in unanswered:
        _set(tx, one, next_at=until)


def _set(tx: Connection, one: Due, **values: float | None) -> None:
    mine = late_looks.c
    tx.execute(
        update(late_looks)
        .where(mine.row == one.row, mine.ref == one.ref, mine.since == one.since)
        .values(**values)
    )


@dataclass(frozen=True, slots=True)
class PendingLateLookups:
    """What has yet to be looked up for an import. Times are seconds since 1970."""

    open: int = 0
    labels: tuple[str, ...] = ()
    """The labels of the first thousand of these rows."""
    over: int = 0
    """How many rows were looked up for the last time."""
    last_at: float | None = None
    next_at: float | None = None
    until: float | None = None
    """When the last look-up is due."""


def of_import(tx: Connection, import_: int) -> PendingLateLookups:
    mine = late_looks.c
    is_open = mine.next_at.is_not(None)
    one = tx.execute(
        select(
            func.count(mine.next_at).label("open"),
            func.count().label("all"),
            func.max(mine.looked_at).label("last_at"),
            func.min(mine.next_at).label("next_at"),
        ).where(mine.import_ == import_)
    ).one()
    if not one.all:
        return PendingLateLookups()
    youngest = tx.execute(select(func.max(mine.since)).where(mine.import_ == import_, is_open)).scalar()
    named = tx.execute(
        select(rows.c.number, rows.c.part)
        .join(late_looks, mine.row == rows.c.id)
        .where(mine.import_ == import_, is_open)
        .order_by(rows.c.id)
        .limit(_LABELS)
    )
    labels = dict.fromkeys(label_of(row.number, row.part) for row in named)
    until = None if youngest is None else max(youngest + DAY_SECONDS, one.next_at)
    return PendingLateLookups(one.open, tuple(labels), one.all - one.open, one.last_at, one.next_at, until)


def any_open(tx: Connection, import_: int) -> bool:
    found = select(late_looks.c.row).where(late_looks.c.import_ == import_, late_looks.c.next_at.is_not(None))
    return tx.execute(found.limit(1)).first() is not None
