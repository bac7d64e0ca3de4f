"""The balances of a month, by ledger and currency and one by one. Months begin and end in a time zone.

A balance belongs to the month in which we learned that it was created. Imports that cannot have a row in the
month are skipped by their own times, and an import's count is cached while its rows do not change.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import NamedTuple, Self

from sqlalchemy import Connection, exists, func, or_, select

from blnk_api.access.actors import Actor
from blnk_api.common.row_label import label_of
from blnk_api.store import Store
from blnk_api.store.people import stored_actor
from blnk_api.store.states import RowState
from blnk_api.store.tables import events, imports, rows
from blnk_api.store.transitions import counts_of

_DAY_SECONDS = 86_400.0
_PAGE_ROWS = 2_000
_KEPT = 5_000


@dataclass(frozen=True, order=True)
class Month:
    """A calendar month; `str` is "2026-11"."""

    year: int
    month: int

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """None if the text is not a month."""
        try:
            read = datetime.strptime(text, "%Y-%m")
        except ValueError:
            return None
        return cls(read.year, read.month)

    @classmethod
    def of(cls, seconds: float, zone: tzinfo) -> Self:
        """The month of a time in seconds since 1970."""
        at = datetime.fromtimestamp(seconds, zone)
        return cls(at.year, at.month)

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"

    @property
    def name(self) -> str:
        return f"{datetime(self.year, self.month, 1):%B %Y}"

    @property
    def before(self) -> "Month":
        return Month(self.year, self.month - 1) if self.month > 1 else Month(self.year - 1, 12)

    @property
    def after(self) -> "Month":
        return Month(self.year, self.month + 1) if self.month < 12 else Month(self.year + 1, 1)

    def starts(self, zone: tzinfo) -> float:
        return datetime(self.year, self.month, 1, tzinfo=zone).timestamp()

    def ends(self, zone: tzinfo) -> float:
        """The first moment after it."""
        return self.after.starts(zone)


@dataclass(frozen=True, slots=True)
class MonthTotal:
    ledger_id: str
    currency: str
    n: int


@dataclass(frozen=True, slots=True)
class CreatedBalance:
    """A balance that a row created. `at` is when we learned of it, in seconds since 1970."""

    at: float
    who: Actor
    ledger_id: str
    currency: str
    balance_id: str
    import_id: str
    file_name: str
    row: str


def since(tx: Connection, instance: int, zone: tzinfo) -> Month | None:
    """The first month in which anything was confirmed for this instance."""
    first = tx.execute(
        select(func.min(imports.c.confirmed_at)).where(imports.c.instance == instance)
    ).scalar()
    return None if first is None else Month.of(first, zone)


def totals(store: Store, instance: int, month: Month, zone: tzinfo) -> list[MonthTotal]:
    """How many balances were created in each ledger and currency, largest first."""
    added: dict[tuple[str, str], int] = {}
    for one in _imports_in(store, instance, month, zone):
        for ledger_id, currency, n in _counted(store, one, month, zone):
            added[ledger_id, currency] = added.get((ledger_id, currency), 0) + n
    found = [MonthTotal(ledger_id, currency, n) for (ledger_id, currency), n in added.items()]
    return sorted(found, key=lambda one: (-one.n, one.ledger_id, one.currency))


def balances(store: Store, instance: int, month: Month, zone: tzinfo) -> Iterator[CreatedBalance]:
    """Each balance of the month, import by import in the order of the file."""
    starts, ends = month.starts(zone), month.ends(zone)
    for of in _imports_in(store, instance, month, zone):
        after = 0
        while True:
            query = (
                select(
                    rows.c.id,
                    rows.c.number,
                    rows.c.part,
                    rows.c.ledger_id,
                    rows.c.currency,
                    rows.c.balance_id,
                    rows.c.changed_at,
                )
                .where(rows.c.import_ == of.number, rows.c.state == RowState.CREATED, rows.c.id > after)
                .order_by(rows.c.id)
                .limit(_PAGE_ROWS)
            )
            with store.read() as tx:
                page = tx.execute(query).all()
            if not page:
                break
            after = page[-1].id
            for row in page:
                if starts <= row.changed_at < ends:
                    yield CreatedBalance(
                        at=row.changed_at,
                        who=of.who,
                        ledger_id=row.ledger_id or "",
                        currency=row.currency or "",
                        balance_id=row.balance_id or "",
                        import_id=of.id,
                        file_name=of.file_name,
                        row=label_of(row.number, row.part),
                    )


class _Of(NamedTuple):
    """The parts of an import that the balances of a month need."""

    number: int
    id: str
    file_name: str
    who: Actor
    confirmed_at: float | None
    finished_at: float | None


def _imports_in(store: Store, instance: int, month: Month, zone: tzinfo) -> Sequence[_Of]:
    """Imports that may have a row in the month. After its end an import has none, except for answers that
    come a moment late, and rows that were settled later, for which there is an event."""
    starts, ends = month.starts(zone), month.ends(zone)
    settled_later = exists().where(
        events.c.import_ == imports.c.number, events.c.at >= starts, events.c.at < ends
    )
    with store.read() as tx:
        found = tx.execute(
            select(
                imports.c.number,
                imports.c.id,
                imports.c.file_name,
                *stored_actor.selected(imports),
                *stored_actor.selected(imports, "confirmed_by"),
                imports.c.confirmed_at,
                imports.c.finished_at,
            )
            .where(
                imports.c.instance == instance,
                imports.c.confirmed_at < ends,
                or_(
                    imports.c.finished_at.is_(None),
                    imports.c.finished_at >= starts - _DAY_SECONDS,
                    settled_later,
                ),
            )
            .order_by(imports.c.number)
        ).all()
    return [
        _Of(
            one.number,
            one.id,
            one.file_name,
            stored_actor.read_if_any(one, "confirmed_by") or stored_actor.read(one),
            one.confirmed_at,
            one.finished_at,
        )
        for one in found
    ]


_Counted = Sequence[tuple[str, str, int]]
_known: OrderedDict[tuple[object, ...], _Counted] = OrderedDict()
_knowing = threading.Lock()


def _counted(store: Store, of: _Of, month: Month, zone: tzinfo) -> _Counted:
    """The figures of one import. They stay the same while no row changes its state."""
    starts, ends = month.starts(zone), month.ends(zone)
    with store.read() as tx:
        states = tuple(sorted(counts_of(tx, of.number).items()))
        key = (of.id, starts, ends, of.finished_at, states)
        with _knowing:
            if key in _known:
                return _known[key]
        found = tx.execute(
            select(rows.c.ledger_id, rows.c.currency, func.count().label("n"))
            .where(
                rows.c.import_ == of.number,
                rows.c.state == RowState.CREATED,
                rows.c.changed_at >= starts,
                rows.c.changed_at < ends,
            )
            .group_by(rows.c.ledger_id, rows.c.currency)
        ).all()
    counted = [(one.ledger_id or "", one.currency or "", one.n) for one in found]
    with _knowing:
        _known[key] = counted
        while len(_known) > _KEPT:
            _known.popitem(last=False)
    return counted
