"""Runs the check of a draft: here, or by the sender if one is running."""

import time
from collections.abc import Sequence

from blnk_api.cli.exit_codes import CommandFailed, ExitCode
from blnk_api.cli.import_steps.unserved import Unserved
from blnk_api.cli.session import Session
from blnk_api.common.process_start import loading
from blnk_api.drafts import check_process
from blnk_api.errors import AccessDenied, BlnkError, check_not_answered
from blnk_api.settings import Connection
from blnk_api.store.imports import Import
from blnk_api.store.sending.leases import Lease, Leases
from blnk_api.store.states import ImportState, Stage

_LATER = "Run the same command again later."
_LOOK_UP = "blnk_api.cli.import_steps.look_up"
_ENDS_OF_CHECK = (Stage.CHECKED, Stage.MATCHING, Stage.UNREADABLE)


def check(opened: Session, id: str, connection: Connection, *, then: Sequence[str] = ()) -> Import:
    """Returns the draft once it is checked or unreadable, or the import if someone confirmed or discarded it.

    `then` are modules that are needed afterwards: they are loaded while the file is checked. Holding the
    lease keeps two processes from checking one draft. Raises CommandFailed if Blnk does not answer.
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
                if not _check_here(opened, draft, connection, lease, then):
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


def _check_here(
    opened: Session, draft: Import, connection: Connection, lease: Lease, then: Sequence[str]
) -> bool:
    """Returns whether it made progress. If not, the draft says why, and another try makes sense. Raises
    CommandFailed."""
    try:
        if draft.stage is Stage.LOOKING:
            # Imported here: they take as long to load as a file of some thousand rows to be checked.
            from blnk_api.cli.import_steps.look_up import look_up

            look_up(opened, draft, opened.settings.connections.get(connection.name, connection), lease)
            return opened.find(draft.id).stage is not Stage.LOOKING
        check_process.run(
            opened.store, opened.settings, draft, meanwhile=lambda: loading.load(_LOOK_UP, *then)
        )
        return True
    except AccessDenied as denied:
        raise CommandFailed(
            f"Blnk rejected the credentials: {denied} Nothing was sent.", ExitCode.STOPPED
        ) from None
    except BlnkError as failed:
        if draft.stage is Stage.LOOKING:  # it has already waited for an answer
            raise CommandFailed(f"{check_not_answered(failed)} {_LATER}", ExitCode.STOPPED) from None
        return False
