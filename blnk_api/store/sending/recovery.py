"""Rows that a sender which is gone has left in the middle: what becomes of them at the next start."""

from sqlalchemy import Connection, Select, delete, select, update

from blnk_api.store.events import EventKind, Particulars, note
from blnk_api.store.sending.attempts import WHO
from blnk_api.store.states import ImportState, RowState
from blnk_api.store.tables import counts, imports, rows, senders
from blnk_api.store.transitions import move

_UNFINISHED = (ImportState.QUEUED, ImportState.RUNNING, ImportState.PAUSED, ImportState.VERIFYING)


def restored(tx: Connection) -> int:
    """The store was brought back from a backup: its imports may have gone on since, so those that were not
    finished count as having sent, and nobody sends. How many they are."""
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
    """Of which a sender that is gone, or one that is at work, has rows in SENDING."""
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
    """Rows that a sender left behind in SENDING; they are UNKNOWN now. Call it only with the lease
    of the instance, or, of all of them, with SQLite's lock.

    Of one instance, where it is given. The claims of the engine `except_of`, which is at work, are spared.
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
