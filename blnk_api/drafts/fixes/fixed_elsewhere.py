"""Handles rows of a results file that are being fixed in another import.

A file downloaded before the fix does not know about it. Its rows are skipped until someone includes them:
their balances may be created in their fixed form, under other refs.
"""

from collections.abc import Callable, Collection
from functools import partial

import orjson
from sqlalchemy import Connection, select

from blnk_api.drafts.lookalikes import near_duplicates
from blnk_api.facts.mapping import Use
from blnk_api.files.row_marks import Mark
from blnk_api.lookup.existing import guarded
from blnk_api.store.async_store import AsyncStore
from blnk_api.store.imports import Import
from blnk_api.store.states import RowState
from blnk_api.store.tables import imports, rows

_AT_ONCE = 500


async def skip(
    thread: AsyncStore,
    draft: Import,
    guard: Callable[[Connection], None],
    *,
    among: Collection[int] | None,
) -> None:
    """READY → LEFT_OUT for such rows of a draft (only those in `among`, if given)."""
    mark = draft.mapping.column(Use.IMPORT_ROW) if draft.mapping else None
    if mark is None:
        return
    after = 0
    while page := await thread.read(_ready, draft.number, after, mark.position):
        after = page[-1][0]
        candidates = [one for one in page if among is None or one[0] in among]
        found = await thread.read(_fixed_elsewhere, draft.instance_number, candidates)
        if found:
            act = partial(near_duplicates.leave_out, import_=draft.number, messages=found)
            await thread.write(guarded, guard, act)


def _ready(tx: Connection, number: int, after: int, position: int) -> list[tuple[int, Mark | None]]:
    """The next READY rows with their marks."""
    query = select(rows.c.id, rows.c.cells).where(
        rows.c.import_ == number, rows.c.state == RowState.READY, rows.c.id > after
    )
    found = []
    for id, cells in tx.execute(query.order_by(rows.c.id).limit(_AT_ONCE)):
        listed = orjson.loads(cells) if cells else []
        found.append((id, Mark.read(listed[position].strip()) if position < len(listed) else None))
    return found


def _fixed_elsewhere(
    tx: Connection, instance: int, candidates: Collection[tuple[int, Mark | None]]
) -> dict[int, str]:
    marks = {id: mark for id, mark in candidates if mark is not None}
    superseded = {
        (import_id, number, part)
        for import_id in {mark.import_id for mark in marks.values()}
        for number, part in tx.execute(
            select(rows.c.number, rows.c.part)
            .join(imports, imports.c.number == rows.c.import_)
            .where(
                imports.c.id == import_id,
                imports.c.instance == instance,
                rows.c.state == RowState.SUPERSEDED,
                rows.c.number.in_([one.number for one in marks.values() if one.import_id == import_id]),
            )
        )
    }
    return {
        id: f"This is row {mark.number:,} of an earlier import. That row was fixed in another import, so its "
        "balance may exist with the fixed values."
        for id, mark in marks.items()
        if (mark.import_id, mark.number, mark.part) in superseded
    }
