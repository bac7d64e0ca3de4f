"""Figures across all instances, for monitoring."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from blnk_api.settings import Instance
from blnk_api.store.sending import senders, stops
from blnk_api.store.states import ImportState, RowState
from blnk_api.store.tables import counts, imports, instances, is_one_of, notices, rows


@dataclass(frozen=True)
class InDoubt:
    """Rows of an instance for which it is unknown whether their balance was created."""

    checking: int
    need_a_person: int
    since: float
    """When the oldest of them became in doubt."""


@dataclass(frozen=True)
class Figures:
    """Figures by the instance's number in the store."""

    instances: dict[int, Instance]
    imports: dict[tuple[int, ImportState], int]
    rows: dict[tuple[int, ImportState, RowState], int]
    in_doubt: dict[int, InDoubt]
    stopped: frozenset[int]
    notices_owed: int
    """Notifications that have yet to be sent, for all instances."""
    sender_since: float | None
    sender_beat_at: float | None
    """None without a sender: it ended normally, or never started."""


def read(tx: Connection) -> Figures:
    """Reads no rows except those in doubt: everything else is counted as it changes."""
    known = {
        one.id: Instance(one.base_url, one.instance_id, one.environment)
        for one in tx.execute(
            select(instances.c.id, instances.c.base_url, instances.c.instance_id, instances.c.environment)
        )
    }
    by_state = tx.execute(
        select(imports.c.instance, imports.c.state, func.count()).group_by(
            imports.c.instance, imports.c.state
        )
    )
    of_rows = tx.execute(
        select(
            imports.c.instance, imports.c.state, counts.c.state.label("row"), func.sum(counts.c.n).label("n")
        )
        .join(counts, counts.c.import_ == imports.c.number)
        .group_by(imports.c.instance, imports.c.state, counts.c.state)
    )
    heard = senders.last_heard(tx)
    return Figures(
        instances=known,
        imports={(one.instance, ImportState(one.state)): one[2] for one in by_state},
        rows={(one.instance, ImportState(one.state), RowState(one.row)): int(one.n) for one in of_rows},
        in_doubt=_in_doubt(tx),
        stopped=frozenset(number for number in known if stops.is_stopped(tx, number)),
        notices_owed=tx.execute(
            select(func.count()).select_from(notices).where(notices.c.next_at.is_not(None))
        ).scalar_one(),
        sender_since=heard[0] if heard else None,
        sender_beat_at=heard[1] if heard else None,
    )


def _in_doubt(tx: Connection) -> dict[int, InDoubt]:
    having = select(counts.c.import_).where(counts.c.state == RowState.UNKNOWN, counts.c.n > 0)
    found = tx.execute(
        select(
            rows.c.instance,
            rows.c.waits_for_person,
            func.count().label("n"),
            func.min(rows.c.changed_at).label("since"),
        )
        .where(rows.c.import_.in_(having), is_one_of(rows, [RowState.UNKNOWN]))
        .group_by(rows.c.instance, rows.c.waits_for_person)
    ).all()
    return {
        instance: InDoubt(
            checking=sum(one.n for one in found if one.instance == instance and not one.waits_for_person),
            need_a_person=sum(one.n for one in found if one.instance == instance and one.waits_for_person),
            since=min(one.since for one in found if one.instance == instance),
        )
        for instance in {one.instance for one in found}
    }
