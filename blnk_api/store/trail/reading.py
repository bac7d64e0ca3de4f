"""Reads the audit trail: every entry in the order of its chain, or the newest events of all chains."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Table, and_, func, literal, null, or_, select

from blnk_api.access.actors import Actor
from blnk_api.store.database import Store
from blnk_api.store.people import stored_actor
from blnk_api.store.tables import desk_events, events, imports, repairs, trail, trail_heads
from blnk_api.store.tables.base import AnyRow
from blnk_api.store.trail.chain import DESK
from blnk_api.store.trail.verify import EDITS, entries

_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class TrailEntry:
    """One event, or the cells that were changed in one act."""

    import_id: str | None
    """None for the desk."""
    n: int | None
    """Its number in the chain, or None if the chain was not read."""
    at: float
    who: Actor
    what: str
    detail: str
    row: int | None
    """The row's id."""
    edits: int | None
    """How many cells were changed or rows skipped in one act, or None for an event."""
    link: str | None


@dataclass(frozen=True)
class Wanted:
    """A filter by time, and by person: part of the name or the email address."""

    since: float | None = None
    before: float | None = None
    person: str = ""


def all_entries(store: Store, wanted: Wanted) -> Iterator[TrailEntry]:
    """The desk's entries first, then import by import, each in order."""
    with store.read() as tx:
        ids: dict[int, str] = {n: id for n, id in tx.execute(select(imports.c.number, imports.c.id))}
        numbers = tx.execute(select(trail_heads.c.chain).order_by(trail_heads.c.chain)).scalars().all()
    for number in numbers:
        after = 0
        while True:
            with store.read() as tx:
                found = tx.execute(entries(number).where(trail.c.n > after).limit(_AT_ONCE)).all()
                read = [_entry(tx, number, ids.get(number), one) for one in found]
            yield from (one for one in read if one is not None and _is_wanted(one, wanted))
            if len(found) < _AT_ONCE:
                break
            after = found[-1].n


def newest(tx: Connection, wanted: Wanted, *, limit: int) -> list[TrailEntry]:
    """Only events, newest first: each group of edits has an event of its own."""
    found: list[TrailEntry] = []
    for table in (events, desk_events):
        is_of_import = table is events
        query = select(
            (imports.c.id if is_of_import else null()).label("import_id"),
            (events.c.row if is_of_import else null()).label("row_id"),
            table.c.at,
            table.c.what,
            table.c.detail,
            *stored_actor.selected(table),
        )
        if is_of_import:
            query = query.join(imports, imports.c.number == events.c.import_)
        query = query.where(_where(table, wanted)).order_by(table.c.id.desc()).limit(limit)
        found += [
            TrailEntry(
                one.import_id,
                None,
                one.at,
                stored_actor.read(one),
                one.what,
                one.detail,
                one.row_id,
                None,
                None,
            )
            for one in tx.execute(query)
        ]
    return sorted(found, key=lambda one: one.at, reverse=True)[:limit]


def _where(table: Table, wanted: Wanted) -> ColumnElement[bool]:
    are = [literal(1) == 1]
    if wanted.since is not None:
        are.append(table.c.at >= wanted.since)
    if wanted.before is not None:
        are.append(table.c.at < wanted.before)
    if wanted.person:
        part = wanted.person.casefold()
        names = (table.c.who, func.coalesce(table.c.who_email, ""))
        are.append(or_(*(func.lower(one).contains(part, autoescape=True) for one in names)))
    return and_(*are)


def _is_wanted(one: TrailEntry, wanted: Wanted) -> bool:
    if wanted.since is not None and one.at < wanted.since:
        return False
    if wanted.before is not None and one.at >= wanted.before:
        return False
    part = wanted.person.casefold()
    return part in one.who.name.casefold() or part in one.who.email.casefold()


# Any: a row of either table, with its link.
def _entry(tx: Connection, number: int, import_id: str | None, one: AnyRow) -> TrailEntry | None:
    """None if what the link refers to is missing, which verification reports."""
    if one.event is None:
        mine = repairs.c.import_ == number, repairs.c.batch == one.edits
        count = tx.execute(select(func.count()).where(*mine)).scalar_one()
        newest_ = select(repairs.c.at, *stored_actor.selected(repairs)).where(*mine)
        edit = tx.execute(newest_.order_by(repairs.c.id.desc()).limit(1)).first()
        if edit is None:
            return None
        who = stored_actor.read(edit)
        return TrailEntry(import_id, one.n, edit.at, who, EDITS, "{}", None, count, one.link)
    if one.id is None:
        return None
    row = None if number == DESK else one.row
    return TrailEntry(
        import_id, one.n, one.at, stored_actor.read(one), one.what, one.detail, row, None, one.link
    )
