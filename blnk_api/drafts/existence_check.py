"""Checks whether a draft's balances already exist, and what its rows resemble, before a person confirms."""

import asyncio
import math
import time
from collections.abc import Callable
from functools import partial

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from blnk_api.blnk.retries import may_pass
from blnk_api.drafts.changed_meanwhile import Changed, refuse_changed
from blnk_api.drafts.confirmed_totals import finish_draft
from blnk_api.drafts.fixes import fixed_elsewhere
from blnk_api.drafts.lookalikes import imported_before
from blnk_api.drafts.lookalikes.search import compare
from blnk_api.errors import AccessDenied, BlnkError, RateLimited, check_not_answered
from blnk_api.facts.mapping import Use
from blnk_api.lookup import existing
from blnk_api.lookup.looker import Looker
from blnk_api.settings import Settings
from blnk_api.store import import_changes, imports
from blnk_api.store.async_store import AsyncStore
from blnk_api.store.imports import Import
from blnk_api.store.sending.ready_rows import ready_among
from blnk_api.store.states import RowState, Stage

_ASK_AGAIN_SECONDS = 1.0
"""The wait before the next repeat of a request that Blnk has failed to answer several times."""


async def look_draft_up(
    thread: AsyncStore,
    looker: Looker,
    draft: Import,
    settings: Settings,
    *,
    gives_up_after_seconds: float = math.inf,
) -> None:
    """The existence check and the comparison before a person confirms: LOOKING → CHECKED, with totals.

    If Blnk does not answer, the draft says so, and the check resumes where it was. If there is no answer for
    too long, or Blnk rejects the request, raises the error; the draft says so and stays LOOKING.
    """
    patient = looker.patient(_Waits(thread, draft, gives_up_after_seconds))
    guard = partial(refuse_changed, draft=draft, stage=Stage.LOOKING)
    try:
        may_read = await _look_up_all(thread, patient, draft, guard)
        if draft.fixes is None:  # a fix is meant to differ from its row
            await imported_before.settle(thread, draft, guard, among=draft.look_again)
            await fixed_elsewhere.skip(thread, draft, guard, among=draft.look_again)
        not_compared = await _compare(thread, looker, draft, guard, settings) if may_read else [_MAY_NOT_READ]
    except Changed:
        return
    except BlnkError as failed:
        await thread.write(import_changes.set_facts, draft.number, problem=check_not_answered(failed))
        raise
    except (OperationalError, OSError):
        return  # the store is busy or full: the rows looked up so far are kept, the rest is looked up again
    await thread.write(finish_draft, draft, not_compared)


class _Waits:
    """How long one draft's check keeps trying."""

    def __init__(self, thread: AsyncStore, draft: Import, gives_up_after_seconds: float) -> None:
        self._thread = thread
        self._draft = draft
        self._gives_up_after_seconds = gives_up_after_seconds
        self._since: float | None = None

    async def failed(self, failed: BlnkError) -> None:
        """Raises the error once Blnk rejects the request or has been silent for too long, or raises
        Changed."""
        now = time.monotonic()
        self._since = self._since or now
        passes = may_pass(failed) or isinstance(failed, RateLimited)
        if not passes or now - self._since >= self._gives_up_after_seconds:
            raise failed
        await self._thread.write(_say_why, self._draft, check_not_answered(failed))
        await asyncio.sleep(_ASK_AGAIN_SECONDS)

    async def over(self) -> None:
        self._since = None
        await self._thread.write(_say_why, self._draft, None)


def _say_why(tx: Connection, draft: Import, problem: str | None) -> None:
    refuse_changed(tx, draft, Stage.LOOKING)
    import_changes.set_facts(tx, draft.number, problem=problem)


async def _look_up_all(
    thread: AsyncStore, looker: Looker, draft: Import, guard: Callable[[Connection], None]
) -> bool:
    """Returns whether these credentials may read balances."""
    try:
        if draft.look_again is not None:
            await existing.settle(
                thread, looker, draft, await thread.read(ready_among, draft.look_again), guard
            )
            return True
        there_are = None
        if draft.fixes is None:
            ready = draft.counts.get(RowState.READY, 0)
            there_are = await existing.few_enough_to_walk(looker, ready)
        if there_are is not None:
            await existing.walk_up(thread, looker, draft, there_are, guard)
        else:
            await existing.list_up(thread, looker, draft, guard)
    except AccessDenied as denied:
        if denied.status != 403:
            raise
        return False
    return True


async def _compare(
    thread: AsyncStore,
    looker: Looker,
    draft: Import,
    guard: Callable[[Connection], None],
    settings: Settings,
) -> list[str]:
    """Returns what could not be compared, because Blnk rejected the requests or was silent for too long."""
    if draft.fixes is not None or any(column.use is Use.IMPORT_REF for column in draft.columns):
        return []  # rows from a results file already name their balances
    patient = looker.patient(_Waits(thread, draft, settings.waits.check_answers))
    now = await thread.read(imports.by_number, draft.number)
    try:
        await compare(thread, patient, now, guard, settings.scratch_dir, among=draft.look_again)
    except BlnkError as failed:
        if isinstance(failed, AccessDenied) and failed.status != 403:
            raise
        return [_not_compared(failed)]
    return []


_MAY_NOT_READ = (
    "These credentials have no read permission, so existing balances were not looked up, and the rows were "
    "not compared with balances created earlier."
)


def _not_compared(failed: BlnkError) -> str:
    return (
        "Not all rows were compared with balances created earlier, because Blnk did not answer: "
        f"{failed.message.rstrip('.')}. Some rows may correct an earlier row or create a "
        "second balance for an identity."
    )
