"""Runs the check of a draft: here, or by the sender if one is running."""

import asyncio
import time

import uvloop

from blnk_api.cli.exit_codes import CommandFailed, ExitCode
from blnk_api.cli.run_import import Unserved
from blnk_api.cli.session import Session
from blnk_api.drafts import check_process
from blnk_api.drafts.existence_check import look_draft_up
from blnk_api.errors import AccessDenied, BlnkError, check_not_answered
from blnk_api.sending.instance_sending import engine_for
from blnk_api.settings import Connection
from blnk_api.store.async_store import AsyncStore
from blnk_api.store.imports import Import
from blnk_api.store.sending.leases import Lease, Leases
from blnk_api.store.states import ImportState, Stage

_LATER = "Run the same command again later."
_ENDS_OF_CHECK = (Stage.CHECKED, Stage.MATCHING, Stage.UNREADABLE)


def check(opened: Session, id: str, connection: Connection) -> Import:
    """Returns the draft once it is checked or unreadable, or the import if someone confirmed or discarded it.

    Holding the lease keeps two processes from checking one draft. Raises CommandFailed if
    Blnk does not answer.
    """
    unserved = Unserved(opened, connection.instance)
    problem_since: float | None = None
    settings = opened.settings
    lease: Lease | None = None
    with Leases(opened.store, seconds=settings.waits.lease) as leases:
        while True:
            draft = opened.find(id)
            if draft.state is not ImportState.DRAFT or draft.stage in _ENDS_OF_CHECK:
                return draft
            if lease is None or lease.is_lost:
                lease = leases.take(unserved.number)
            if lease is not None:
                if not _check_here(opened, draft, connection, lease):
                    time.sleep(settings.waits.journal_retry)
                draft = opened.find(id)
            else:
                unserved.is_so()
                time.sleep(settings.waits.worker_notices)
            if draft.problem is None or draft.stage in _ENDS_OF_CHECK:
                problem_since = None
            elif problem_since is None:
                problem_since = time.monotonic()
            elif time.monotonic() - problem_since > settings.waits.check_answers:
                raise CommandFailed(f"{draft.problem} {_LATER}", ExitCode.STOPPED)


def _check_here(opened: Session, draft: Import, connection: Connection, lease: Lease) -> bool:
    """Returns whether it made progress. If not, the draft says why, and another try makes sense. Raises
    CommandFailed."""
    try:
        if draft.stage is Stage.LOOKING:
            _look_here(opened, draft, opened.settings.connections.get(connection.name, connection), lease)
            return opened.find(draft.id).stage is not Stage.LOOKING
        check_process.run(opened.store, opened.settings, draft)
        return True
    except AccessDenied as denied:
        raise CommandFailed(
            f"Blnk rejected the credentials: {denied} Nothing was sent.", ExitCode.STOPPED
        ) from None
    except BlnkError as failed:
        if draft.stage is Stage.LOOKING:  # it has already waited for an answer
            raise CommandFailed(f"{check_not_answered(failed)} {_LATER}", ExitCode.STOPPED) from None
        return False


def _look_here(opened: Session, draft: Import, connection: Connection, lease: Lease) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_look_up(opened, draft, connection, lease))


async def _look_up(opened: Session, draft: Import, connection: Connection, lease: Lease) -> None:
    thread = AsyncStore(opened.store)
    try:
        # An engine for a draft claims nothing; it sends the look-ups within the instance's rate limit.
        running = await engine_for(
            opened.settings, connection, opened.store, thread, lease, only=draft.number
        )
        try:
            patience = opened.settings.waits.check_answers
            await look_draft_up(
                thread, running.engine.looker, draft, opened.settings, gives_up_after_seconds=patience
            )
        finally:
            await running.stop()
    finally:
        thread.close()
