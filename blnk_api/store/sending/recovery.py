"""Handles the rows that a former sender left in the middle of sending, at the next start."""

from sqlalchemy import Connection, Select, delete, select, update

from blnk_api.store.events import EventKind, Particulars, note
from blnk_api.store.sending.attempts import WHO
from blnk_api.store.states import ImportState, RowState
from blnk_api.store.tables import counts, imports, rows, senders
from blnk_api.store.transitions import move

_UNFINISHED = (ImportState.QUEUED, ImportState.RUNNING, ImportState.PAUSED, ImportState.VERIFYING)


def restored(tx: Connection) -> int:
    """For a store that was restored from a backup: its imports may have continued since, so unfinished ones
    count as having sent, and nobody sends. Returns how many they are."""
    tx.execute(delete(senders))
    return tx.execute(update(imports).where(imports.c.state.in_(_UNFINISHED)).values(has_sent=True)).rowcount


def _left_behind(instance: int | None, except_of: str | None) -> Select[int, int]:
    being_sent = select(counts.c.import_).where(counts.c.state == RowState.SENDING, counts.c.n > 0)
    left = select(rows.c.import_, rows.c.id).where(
        rows.c.import_.in_(being_sent), rows.c.state == RowState.SENDING
    )
    if instance is not None:
        left = left.where(rows.c.instance == instance)
    if except_of is not None:
        left = left.where(~rows.c.claim.startswith(except_of))
    return left


def instances_left(tx: Connection) -> list[int]:
    """The instances with rows in SENDING, left by a former sender or claimed by a running one."""
    found = (
        select(imports.c.instance)
        .join(counts, counts.c.import_ == imports.c.number)
        .where(counts.c.state == RowState.SENDING, counts.c.n > 0)
        .distinct()
    )
    return list(tx.execute(found).scalars())


def anybody_left_rows(tx: Connection, instance: int, *, except_of: str) -> bool:
    """Whether there is something to `recover`: a sender that lost its lease may have claimed just before."""
    return tx.execute(_left_behind(instance, except_of).limit(1)).first() is not None


def recover(tx: Connection, instance: int | None = None, *, except_of: str | None = None) -> int:
    """Moves rows that a sender left in SENDING to UNKNOWN. Call it only with the instance's lease, or, for
    all instances, with SQLite's lock.

    Limited to one instance, if given. Claims of the running engine `except_of` are left alone.
    """
    left = tx.execute(_left_behind(instance, except_of)).all()
    per_import: dict[int, list[int]] = {}
    for import_, id in left:
        per_import.setdefault(import_, []).append(id)
    for import_, ids in per_import.items():
        move(
            tx,
            ids,
            from_=RowState.SENDING,
            to=RowState.UNKNOWN,
            message="The sender stopped while this row was being sent.",
        )
        note(tx, import_, who=WHO, what=EventKind.INTERRUPTED, detail=Particulars(rows=len(ids)))
    return len(left)
