"""Abandoned drafts, and how many drafts are open."""

from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from blnk_api.store import tables
from blnk_api.store.states import ImportState, Stage
from blnk_api.store.tables import imports


def open_drafts(tx: Connection) -> int:
    """How many files are drafts that wait to be confirmed or discarded."""
    mine = (imports.c.state == ImportState.DRAFT, imports.c.kind == "file")
    return tx.execute(select(func.count()).select_from(imports).where(*mine)).scalar_one()


def untouched_drafts(tx: Connection, before: float, *, stage: Stage | None = None) -> list[int]:
    """Drafts, or those at one stage, that were created before this time and not touched since."""
    touched = select(tables.events.c.id).where(
        tables.events.c.import_ == imports.c.number, tables.events.c.at >= before
    )
    old = [imports.c.state == ImportState.DRAFT, imports.c.created_at < before, ~touched.exists()]
    if stage is not None:
        old.append(imports.c.stage == stage)
    return [one.number for one in tx.execute(select(imports.c.number).where(*old))]


def cancelled_before(tx: Connection, ids: Sequence[str], before: float) -> list[str]:
    """Which of these were canceled before this time."""
    over = (imports.c.state == ImportState.CANCELLED, imports.c.finished_at < before)
    return [one.id for one in tx.execute(select(imports.c.id).where(imports.c.id.in_(ids), *over))]
