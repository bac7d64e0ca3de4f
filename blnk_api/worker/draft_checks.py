"""Takes drafts through their check: has each read in a process of its own, then looks their rows up."""

import asyncio
import math
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import orjson
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from blnk_api.blnk.retries import may_pass
from blnk_api.drafts import merging
from blnk_api.drafts.check_process import ChecksApart
from blnk_api.drafts.lookalikes import customer_has_balance, imported_before, near_duplicates
from blnk_api.drafts.lookalikes.search import compare
from blnk_api.drafts.mapping import Use
from blnk_api.errors import AccessDenied, BlnkError, RateLimited, check_not_answered
from blnk_api.lookup.looker import Looker
from blnk_api.sending import preflight
from blnk_api.settings import Settings
from blnk_api.store import imports, row_reasons, rows
from blnk_api.store.async_store import JournalThread
from blnk_api.store.imports import Import
from blnk_api.store.sending.ready import ready_among
from blnk_api.store.states import ImportState, RowState, Stage
from blnk_api.store.transitions import move, note

_ASK_AGAIN_SECONDS = 1.0
"""Before a question of a check that Blnk did not answer, several times already, is asked once more."""
_AGAIN_SECONDS = 2.0
"""Before a check that failed, because Blnk did not answer or the process died, is begun again."""


class Preparer:
    def __init__(self, settings: Settings, thread: JournalThread) -> None:
        self._settings = settings
        self._thread = thread
        self._checks = ChecksApart(settings, thread)
        self._looks: dict[str, tuple[Looker, asyncio.Task[None]]] = {}
        self._not_before: dict[tuple[str, Stage | None, int], float] = {}

    async def look_for_drafts(self, lookers: dict[int, Looker]) -> None:
        """Goes on with every draft that is not checked yet; `lookers` are the engines' by instance."""
        for id in [id for id, (_, look) in self._looks.items() if look.done()]:
            self._looks.pop(id)[1].result()
        for id, (looker, look) in list(self._looks.items()):
            if looker not in lookers.values():
                look.cancel()  # its engine has ended, with the way out that it asks by: another one goes on
                await asyncio.gather(look, return_exceptions=True)
                del self._looks[id]
        now = time.monotonic()
        self._not_before = {draft: moment for draft, moment in self._not_before.items() if moment > now}
        if at_work := self._checks.ids:
            await self._checks.end_all_but(await self._thread.read(imports.drafts_among, at_work))
        for draft in await self._thread.read(imports.being_checked):
            if draft.id in self._checks.ids or draft.id in self._looks:
                continue
            if draft.instance_number not in lookers:
                continue  # no connection means its Blnk at the moment
            if (draft.id, draft.stage, draft.version) in self._not_before:
                continue
            if draft.stage is not Stage.LOOKING and not self._checks.have_room():
                continue
            self._not_before[draft.id, draft.stage, draft.version] = time.monotonic() + _AGAIN_SECONDS
            if draft.stage is not Stage.LOOKING:
                await self._checks.begin(draft)
            else:
                looker = lookers[draft.instance_number]
                look = asyncio.create_task(self._look_up(looker, draft))
                self._looks[draft.id] = looker, look

    async def _look_up(self, looker: Looker, draft: Import) -> None:
        with suppress(BlnkError):  # the draft says so, and is looked up again in a moment
            await look_draft_up(self._thread, looker, draft, self._settings)

    async def stop(self) -> None:
        looks = [look for _, look in self._looks.values()]
        for look in looks:
            look.cancel()
        await asyncio.gather(*looks, return_exceptions=True)
        await self._checks.stop()


async def look_draft_up(
    thread: JournalThread,
    looker: Looker,
    draft: Import,
    settings: Settings,
    *,
    gives_up_after_seconds: float = math.inf,
) -> None:
    """The existence check before a person confirms, and the comparison: LOOKING → CHECKED, with totals.

    Where Blnk does not answer, the draft says so and the check goes on where it was. Where nothing was
    answered for so long, or Blnk says no, raises what it came to: the draft says so and stays LOOKING.
    """
    patient = looker.patient(_Waits(thread, draft, gives_up_after_seconds))
    guard = partial(_refuse_changed, draft=draft)
    try:
        may_read = await _look_up_all(thread, patient, draft, guard)
        await imported_before.settle(thread, draft, guard, among=draft.look_again)
        told = await _compare(thread, looker, draft, guard, settings) if may_read else [_MAY_NOT_READ]
    except _Changed:
        return
    except BlnkError as failed:
        await thread.write(imports.set_facts, draft.number, problem=check_not_answered(failed))
        raise
    except (OperationalError, OSError):
        return  # the journal is busy or full: the rows looked up so far are kept, the rest is looked up again
    await thread.write(finish_draft, draft, told)


class _Waits:
    """The patience of one draft's check."""

    def __init__(self, thread: JournalThread, draft: Import, gives_up_after_seconds: float) -> None:
        self._thread = thread
        self._draft = draft
        self._gives_up_after_seconds = gives_up_after_seconds
        self._since: float | None = None

    async def failed(self, failed: BlnkError) -> None:
        """Raises what the question came to, once Blnk says no or is silent for too long; or _Changed."""
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
    _refuse_changed(tx, draft)
    imports.set_facts(tx, draft.number, problem=problem)


class _Changed(Exception):
    """A person changed the draft while it was looked up: what was asked is not what its rows are now."""


def _refuse_changed(tx: Connection, draft: Import) -> None:
    """Raises _Changed when the rows were made anew since the look began."""
    now = imports.by_number(tx, draft.number)
    is_draft = now.state is ImportState.DRAFT
    if not is_draft or now.stage is not Stage.LOOKING or now.version != draft.version:
        raise _Changed


async def _look_up_all(
    thread: JournalThread, looker: Looker, draft: Import, guard: Callable[[Connection], None]
) -> bool:
    """Whether these credentials may look at all."""
    try:
        if draft.look_again is not None:
            await preflight.settle(
                thread, looker, draft, await thread.read(ready_among, draft.look_again), guard
            )
        elif await preflight.walking_is_cheaper(looker, draft.counts.get(RowState.READY, 0)):
            await preflight.walk_up(thread, looker, draft, guard)
        else:
            await preflight.list_up(thread, looker, draft, guard)
    except AccessDenied as denied:
        if denied.status != 403:
            raise
        return False
    return True


async def _compare(
    thread: JournalThread,
    looker: Looker,
    draft: Import,
    guard: Callable[[Connection], None],
    settings: Settings,
) -> list[str]:
    """What could not be compared: Blnk says no to the questions, or is silent for longer than a while."""
    if draft.mapping and any(column["use"] == Use.IMPORT_REF for column in draft.mapping["columns"]):
        return []  # our own results come back: each row says itself which balance it is
    patient = looker.patient(_Waits(thread, draft, settings.waits.check_answers))
    now = await thread.read(imports.by_number, draft.number)
    try:
        await compare(thread, patient, now, guard, settings.data_dir, among=draft.look_again)
    except BlnkError as failed:
        if isinstance(failed, AccessDenied) and failed.status != 403:
            raise
        return [_not_compared(failed)]
    return []


_MAY_NOT_READ = (
    "These credentials may not read, so balances that exist already were not looked for, and the rows were "
    "not compared with balances made before."
)


def _not_compared(failed: BlnkError) -> str:
    return (
        "Not all rows were compared with balances made before, because Blnk did not answer: "
        f"{failed.message.rstrip('.')}. Some may correct an earlier row, or give a customer a second balance."
    )


def finish_draft(tx: Connection, looked_up: Import, told: list[str]) -> None:
    """LOOKING → CHECKED, with the totals that a person confirms, as a new version of the draft."""
    draft = imports.by_number(tx, looked_up.number)
    if draft.version != looked_up.version:
        return
    totals = draft_totals(tx, draft) | {"not_checked": draft.totals.get("not_checked") or told}
    imports.move_stage(
        tx,
        draft.number,
        from_=[Stage.LOOKING],
        to=Stage.CHECKED,
        problem=None,
        look_again=None,
        totals=orjson.dumps(totals).decode(),
        version=draft.version + 1,
    )


def draft_totals(tx: Connection, draft: Import) -> dict[str, Any]:
    """What a checked draft comes to, as its rows stand now."""
    counts = draft.counts
    names = draft.totals.get("ledger_names", {})
    by_ledger = [
        {
            "ledger_id": one.ledger_id,
            "name": names.get(one.ledger_id, ""),
            "currency": one.currency,
            "n": one.n,
        }
        for one in rows.totals(tx, draft.number, [RowState.READY])
    ]
    return {
        **draft.totals,
        "balances": counts.get(RowState.READY, 0),
        "invalid": counts.get(RowState.INVALID, 0),
        "looks_like": row_reasons.count_with(tx, draft.number, RowState.LEFT_OUT, near_duplicates.KIND),
        "left_out": row_reasons.count_with(tx, draft.number, RowState.LEFT_OUT, merging.LEFT_OUT_BY_A_PERSON),
        "hidden_rows": row_reasons.count_with(
            tx, draft.number, RowState.LEFT_OUT, merging.HIDDEN_AND_SKIPPED
        ),
        "has_balance": len(customer_has_balance.numbers(tx, draft.number)),
        "existing": counts.get(RowState.EXISTS, 0) + counts.get(RowState.CREATED, 0),
        "by_ledger": by_ledger,
    }


def create_resembling_too(tx: Connection, draft: Import, *, who: str) -> int:
    """A person says that rows which look like balances made before are to be created all the same.

    LEFT_OUT → READY, an event, and a new version of the draft. How many rows it was.
    """
    if draft.state is not ImportState.DRAFT or draft.stage is not Stage.CHECKED:
        return 0
    ids = row_reasons.ids_with(tx, draft.number, RowState.LEFT_OUT, near_duplicates.KIND)
    moved = move(tx, ids, from_=RowState.LEFT_OUT, to=RowState.READY, why=None)
    if moved:
        note(tx, draft.number, who=who, what="accepted", kind=near_duplicates.KIND, rows=len(moved))
        totals = draft_totals(tx, imports.by_number(tx, draft.number))
        imports.set_facts(tx, draft.number, totals=totals, version=draft.version + 1)
    return len(moved)
