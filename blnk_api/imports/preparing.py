"""Takes drafts through their check inside the worker: starts `prepare` for them, then looks their rows up."""

import asyncio
import os
import sys
import time
from asyncio.subprocess import Process

import orjson
from sqlalchemy import Connection

from blnk_api.errors import AccessDenied, BlnkError
from blnk_api.imports import scout
from blnk_api.imports.journal import imports, rows, sending
from blnk_api.imports.journal.imports import Import
from blnk_api.imports.journal.states import ImportState, RowState, Stage
from blnk_api.imports.journal_thread import JournalThread
from blnk_api.imports.looking import Looker
from blnk_api.settings import Settings

MOST_AT_ONCE = 2
_AGAIN_SECONDS = 2.0
"""Before a check that failed, because Blnk did not answer or the process died, is begun again."""


class Preparer:
    def __init__(self, settings: Settings, thread: JournalThread) -> None:
        self._settings = settings
        self._thread = thread
        self._processes: dict[str, Process] = {}
        self._looks: dict[str, asyncio.Task[None]] = {}
        self._not_before: dict[str, float] = {}

    async def look_for_drafts(self, lookers: dict[int, Looker]) -> None:
        """Goes on with every draft that is not checked yet; `lookers` are the engines' by instance."""
        for id in [id for id, process in self._processes.items() if process.returncode is not None]:
            del self._processes[id]
        for id in [id for id, look in self._looks.items() if look.done()]:
            self._looks.pop(id).result()
        for draft in await self._thread.read(imports.in_states, [ImportState.DRAFT]):
            if draft.id in self._processes or draft.id in self._looks:
                continue
            if time.monotonic() < self._not_before.get(draft.id, 0.0):
                continue
            self._not_before[draft.id] = time.monotonic() + _AGAIN_SECONDS
            if draft.stage in (Stage.UPLOADED, Stage.CHECKING) and len(self._processes) < MOST_AT_ONCE:
                self._processes[draft.id] = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "blnk_api.imports.prepare", draft.id),
                    stdin=asyncio.subprocess.DEVNULL,
                    env=dict(os.environ),
                )
            elif draft.stage is Stage.LOOKING and draft.instance_number in lookers:
                looker = lookers[draft.instance_number]
                self._looks[draft.id] = asyncio.create_task(look_draft_up(self._thread, looker, draft))

    async def stop(self) -> None:
        for look in self._looks.values():
            look.cancel()
        await asyncio.gather(*self._looks.values(), return_exceptions=True)
        for process in self._processes.values():
            if process.returncode is None:
                process.kill()
        await asyncio.gather(*(process.wait() for process in self._processes.values()))


async def look_draft_up(thread: JournalThread, looker: Looker, draft: Import) -> None:
    """The existence check before a person confirms: LOOKING → CHECKED, with totals. Raises nothing of Blnk's:
    where it does not answer, the draft stays LOOKING and is looked up again."""
    after = 0
    told: list[str] = []
    try:
        while ready := await thread.read(
            sending.ready_rows, draft.number, after=after, limit=scout.ROWS_PER_FILL
        ):
            verdicts = await scout.look_up(looker, draft, ready)
            if verdicts:
                await thread.write(scout.apply_verdicts, draft.number, verdicts)
            after = ready[-1].id
    except AccessDenied as denied:
        if denied.status != 403:
            return
        told.append("These credentials may not read, so balances that exist already were not looked for.")
    except BlnkError:
        return
    await thread.write(finish_draft, draft.number, told)


def finish_draft(tx: Connection, number: int, told: list[str]) -> None:
    """LOOKING → CHECKED, with the totals that a person confirms, as a new version of the draft."""
    draft = imports.by_number(tx, number)
    counts = draft.counts
    names = draft.totals.get("ledger_names", {})
    by_ledger = [
        {
            "ledger_id": one.ledger_id,
            "name": names.get(one.ledger_id, ""),
            "currency": one.currency,
            "n": one.n,
        }
        for one in rows.totals(tx, number, [RowState.READY])
    ]
    totals = {
        **draft.totals,
        "balances": counts.get(RowState.READY, 0),
        "invalid": counts.get(RowState.INVALID, 0),
        "existing": counts.get(RowState.EXISTS, 0) + counts.get(RowState.CREATED, 0),
        "by_ledger": by_ledger,
        "not_checked": draft.totals.get("not_checked") or told,
    }
    imports.move_stage(
        tx,
        number,
        from_=[Stage.LOOKING],
        to=Stage.CHECKED,
        totals=orjson.dumps(totals).decode(),
        version=draft.version + 1,
    )
