"""Brings READY rows into a lane, each looked up in Blnk first; and finds the canary after it was created."""

import asyncio
from collections.abc import Sequence

from sqlalchemy import Connection

from blnk_api.imports.journal import imports as journal_imports
from blnk_api.imports.journal.imports import Import
from blnk_api.imports.journal.moves import move, note
from blnk_api.imports.journal.sending import WHO, Ready
from blnk_api.imports.journal.states import RowState
from blnk_api.imports.looking import Looker, Verdict, judge
from blnk_api.wire import REFS_PER_LOOK

LOOKS_PER_FILL = 5
ROWS_PER_FILL = REFS_PER_LOOK * LOOKS_PER_FILL


async def look_up(looker: Looker, import_: Import, rows: Sequence[Ready]) -> dict[int, Verdict]:
    """What Blnk holds already of rows that are about to be sent, by row. No date bounds this look.

    Raises from the errors tree when any part of it is not answered.
    """
    parts = [rows[start : start + REFS_PER_LOOK] for start in range(0, len(rows), REFS_PER_LOOK)]
    found = await asyncio.gather(*(looker.find_together([row.ref for row in part]) for part in parts))
    return {
        row.id: judge(row.body, import_.id, answer[row.ref])
        for part, answer in zip(parts, found, strict=True)
        for row in part
        if row.ref in answer
    }


def apply_verdicts(tx: Connection, number: int, verdicts: dict[int, Verdict]) -> None:
    """Rows that need not be sent any more: they exist, were made by this import before, or would clash."""
    for row, verdict in verdicts.items():
        moved = move(
            tx,
            [row],
            from_=RowState.READY,
            to=verdict.to,
            balance_id=verdict.balance_id,
            message=verdict.message,
        )
        if moved and verdict.to is RowState.CREATED:
            note(tx, number, who=WHO, what="found", row=row, balance_id=verdict.balance_id)


async def find_canary(
    looker: Looker, ref: str, created_from: str | None, *, patience_seconds: float, pause_seconds: float
) -> bool:
    """Whether the first created balance can be found by its ref: without that, nothing could be looked up."""
    deadline = asyncio.get_running_loop().time() + patience_seconds
    while True:
        if ref in await looker.find_together([ref], created_from=created_from):
            return True
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(pause_seconds)


def remember_ramp(tx: Connection, number: int, ramp: int) -> None:
    journal_imports.set_facts(tx, number, ramp=ramp)
