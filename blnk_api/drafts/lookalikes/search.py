"""Compares the new rows of a draft with the balances in Blnk, however many there are.

Two questions: which rows resemble balances created by this product (near_duplicates.py), and whose customer
already has a balance in that ledger and currency, whoever created it (customer_has_balance.py).
"""

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import orjson

from blnk_api.blnk.endpoints import REFS_PER_LOOK
from blnk_api.drafts.lookalikes import customer_has_balance, near_duplicates
from blnk_api.drafts.lookalikes.balances_to_compare import Questions
from blnk_api.drafts.lookalikes.candidates import CandidateIndex
from blnk_api.drafts.lookalikes.comparison import Comparison, Guard
from blnk_api.drafts.lookalikes.near_duplicates import SAMPLE_ROWS, sameness
from blnk_api.facts.mapping import Use
from blnk_api.lookup.looker import Looker
from blnk_api.store import rows
from blnk_api.store.async_store import AsyncStore
from blnk_api.store.imports import Import
from blnk_api.store.sending.ready_rows import ready_among
from blnk_api.store.states import RowState

ROWS_PER_WRITE = 500
_NOT_WORTH_COUNTING = 3 * REFS_PER_LOOK
"""This many rows need only a few lists, so counting the balances is not worth a request."""


async def compare(
    thread: AsyncStore,
    looker: Looker,
    draft: Import,
    guard: Guard,
    folder: Path,
    *,
    among: Collection[int] | None = None,
) -> None:
    """Marks the draft's READY rows (only those in `among`, if given) by what Blnk has. Raises a BlnkError if
    Blnk does not answer: then some rows may be marked, and not all were compared."""
    new = draft.counts.get(RowState.READY, 0) if among is None else len(among)
    if not new:
        return
    ours = await looker.count_with_refs() if new > _NOT_WORTH_COUNTING else None
    if ours == 0 and (not _has_customers(draft) or await looker.count_all() == 0):
        return
    sample = [orjson.loads(one) for one in await thread.read(rows.bodies, draft.number, limit=SAMPLE_ROWS)]
    with (
        closing(CandidateIndex(folder, sameness(sample), only_customers=ours == 0)) as nearby,
        ThreadPoolExecutor(1, thread_name_prefix="comparing") as pool,
    ):
        at_work = Comparison(thread, draft, guard, among, nearby, pool)
        async for part in at_work.new_rows():
            await at_work.nearby(nearby.add, part)
        if nearby.rows:
            await at_work.nearby(nearby.filled)
            await Questions(at_work, looker, sample).run(ours)
            await _mark(at_work)


def _has_customers(draft: Import) -> bool:
    return any(column.use is Use.IDENTITY for column in draft.columns)


async def _mark(at_work: Comparison) -> None:
    """Records the result: look-alikes first, because skipped rows need no further note."""
    kept, number = at_work.kept, at_work.draft.number
    pairs = kept.near(ROWS_PER_WRITE)
    while (near := await at_work.nearby(next, pairs, None)) is not None:
        found: dict[int, str] = {}
        for row in await at_work.thread.read(ready_among, list(near)):
            if alike := near_duplicates.judge(row.id, orjson.loads(row.body), near[row.id], kept.same):
                found[row.id] = alike.message
        await at_work.write(partial(near_duplicates.leave_out, import_=number, messages=found))
    customers = kept.already(ROWS_PER_WRITE)
    while (held := await at_work.nearby(next, customers, None)) is not None:
        await at_work.write(partial(customer_has_balance.add_notes, found=held))
