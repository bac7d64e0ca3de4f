"""Takes a draft through its check: here, or by the process that sends where there is one."""

import asyncio
import time

import uvloop

from blnk_api.command.exits import Ends, Exit
from blnk_api.command.opening import Opened
from blnk_api.command.sending import Unserved
from blnk_api.errors import AccessDenied, BlnkError
from blnk_api.imports.journal.imports import Import
from blnk_api.imports.journal.lock import SenderLock
from blnk_api.imports.journal.states import ImportState, Stage
from blnk_api.imports.journal_thread import JournalThread
from blnk_api.imports.prepare import prepare
from blnk_api.imports.preparing import look_draft_up
from blnk_api.imports.worker import engine_for
from blnk_api.settings import Connection

_ANSWERS_WITHIN_SECONDS = 10.0
"""How long the sender's own check may go without an answer from Blnk before this is said."""


def check(opened: Opened, id: str, connection: Connection) -> Import:
    """The draft, checked or unreadable; or the import, where somebody confirmed or discarded it meanwhile.

    Holding the lock keeps two processes from checking one draft. Raises Ends where Blnk does not answer.
    """
    unserved = Unserved(opened, connection.instance)
    problem_since: float | None = None
    with SenderLock(opened.journal) as lock:
        while True:
            draft = opened.find(id)
            is_checked = draft.stage in (Stage.CHECKED, Stage.MATCHING, Stage.UNREADABLE)
            if draft.state is not ImportState.DRAFT or is_checked:
                return draft
            if lock.is_held() or lock.take():
                _check_here(opened, draft, connection, lock)
                continue
            unserved.is_so()
            if draft.problem is None:
                problem_since = None
            elif problem_since is None:
                problem_since = time.monotonic()
            elif time.monotonic() - problem_since > _ANSWERS_WITHIN_SECONDS:
                raise Ends(draft.problem, Exit.STOPPED)
            time.sleep(opened.settings.waits.worker_notices)


def _check_here(opened: Opened, draft: Import, connection: Connection, lock: SenderLock) -> None:
    try:
        if draft.stage is Stage.LOOKING:
            _look_here(opened, draft, opened.settings.connections.get(connection.name, connection), lock)
        else:
            prepare(opened.journal, opened.settings, draft.id)
    except AccessDenied as denied:
        raise Ends(f"Blnk does not let us in: {denied} Nothing was sent.", Exit.STOPPED) from None
    except BlnkError as failed:
        raise Ends(f"Blnk does not answer: {failed} Nothing was sent.", Exit.STOPPED) from None


def _look_here(opened: Opened, draft: Import, connection: Connection, lock: SenderLock) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_look_up(opened, draft, connection, lock))
    now = opened.find(draft.id)
    if now.stage is Stage.LOOKING:
        raise Ends(now.problem or "Blnk does not answer the check.", Exit.STOPPED)


async def _look_up(opened: Opened, draft: Import, connection: Connection, lock: SenderLock) -> None:
    thread = JournalThread(opened.journal)
    try:
        # An engine for a draft claims nothing; it lets the looks out at the instance's pace.
        running = await engine_for(
            opened.settings, connection, opened.journal, thread, lock, only=draft.number
        )
        try:
            await look_draft_up(thread, running.engine.looker, draft)
        finally:
            await running.stop()
    finally:
        thread.close()
