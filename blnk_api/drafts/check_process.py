"""Runs the check of a draft in a separate, watched process, for the sender and for commands."""

import asyncio
import os
import pickle
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from blnk_api.access.actors import CHECK
from blnk_api.common import watched_process
from blnk_api.common.warm_process import Child, WarmProcess
from blnk_api.common.watched_process import (
    MANY_ROWS,
    NO_ANSWER,
    NOT_LET_IN,
    SETTINGS_FOLLOW,
    Limits,
    ProcessWatch,
)
from blnk_api.errors import AccessDenied, ReadFailed
from blnk_api.settings import Settings
from blnk_api.store import Store, import_changes, imports
from blnk_api.store.async_store import AsyncStore
from blnk_api.store.checking import checked_rows
from blnk_api.store.events import EventKind, Particulars, note
from blnk_api.store.imports import Import
from blnk_api.store.states import ImportState, Stage

MOST_AT_ONCE = 6
_MOST_YOUNG = 2
_YOUNG_SECONDS = 3.0
"""A check that runs longer continues, but no longer counts when another wants to start."""
_MOST_FAILURES = 2
"""A check whose process dies is started once more. After that the file is given up."""
_LONG_FILE_BYTES = 500_000
"""Some thousand rows. Starting a second process for fewer would take longer than it saves."""


def _limits(draft: Import) -> Limits:
    return watched_process.for_file(draft.file_bytes or 0, waits_for_blnk=True)


def arguments(draft: Import) -> list[str]:
    """Of the process that checks this draft."""
    is_long = (draft.file_bytes or 0) >= _LONG_FILE_BYTES
    return [draft.id, MANY_ROWS] if is_long else [draft.id]


_checks = WarmProcess("blnk_api.drafts.check_draft")


fork_here = _checks.fork_here


@dataclass
class _Check:
    draft: Import
    process: Child
    watch: ProcessWatch
    watching: asyncio.Task[None]


class CheckProcesses:
    """The checks that are running."""

    def __init__(self, settings: Settings, thread: AsyncStore) -> None:
        self._settings = settings
        self._thread = thread
        self._checks: dict[str, _Check] = {}
        self._failures: Counter[tuple[str, int]] = Counter()

    @property
    def ids(self) -> list[str]:
        """The drafts that are being checked at this moment."""
        self._checks = {id: one for id, one in self._checks.items() if not one.watching.done()}
        return list(self._checks)

    def have_room(self) -> bool:
        """Whether another check may start. Long checks never delay a short one."""
        young = sum(one.watch.age_seconds < _YOUNG_SECONDS for one in self._checks.values())
        return len(self._checks) < MOST_AT_ONCE and young < _MOST_YOUNG

    async def begin(self, draft: Import) -> None:
        # Its input closes with us: see its main.
        process = await asyncio.to_thread(_checks.start, arguments(draft))
        watch = ProcessWatch(process.pid, _limits(draft))
        watching = asyncio.create_task(self._see_through(draft, process, watch))
        self._checks[draft.id] = _Check(draft, process, watch, watching)

    async def end_all_but(self, wanted: Collection[str]) -> None:
        """Ends the checks of all other drafts: they were discarded, and others are waiting."""
        for id in set(self._checks) - set(wanted):
            await self._end(self._checks.pop(id))

    async def stop(self) -> None:
        await self.end_all_but(())

    async def _end(self, check: _Check) -> None:
        check.watching.cancel()
        check.process.kill()
        await asyncio.gather(check.watching, check.process.wait_async(), return_exceptions=True)

    async def _see_through(self, draft: Import, process: Child, watch: ProcessWatch) -> None:
        ended = asyncio.create_task(process.wait_async())
        gives_way = False
        while not ended.done():
            if why := watch.exceeded():
                process.kill()
                await ended
                await self._give_up(draft, why)
                return
            await asyncio.wait({ended}, timeout=watched_process.LOOK_SECONDS)
            if not gives_way and watch.age_seconds > _YOUNG_SECONDS:
                gives_way = True
                watch.give_way()
        if ended.result() not in (0, NO_ANSWER, NOT_LET_IN):
            self._failures[draft.id, draft.version] += 1
            if self._failures[draft.id, draft.version] >= _MOST_FAILURES:
                await self._give_up(draft, watched_process.FAILED)

    async def _give_up(self, draft: Import, why: str) -> None:
        with suppress(OperationalError, OSError):  # the check starts over, and ends the same way
            await self._thread.write(give_up, draft, why)


def give_up(tx: Connection, draft: Import, why: str) -> None:
    """Stops reading a draft's file, unless someone has changed the draft."""
    now = imports.by_number(tx, draft.number)
    if now.state is not ImportState.DRAFT or now.version != draft.version:
        return
    being_read = [Stage.UPLOADED, Stage.CHECKING]
    if import_changes.move_stage(
        tx, draft.number, from_=being_read, to=Stage.UNREADABLE, problem=why, look_again=None
    ):
        checked_rows.delete_rows(tx, draft.number)
        note(tx, draft.number, who=CHECK, what=EventKind.UNREADABLE, detail=Particulars(why=why))


def run(
    store: Store, settings: Settings, draft: Import, *, meanwhile: Callable[[], None] = lambda: None
) -> None:
    """Runs one check to its end with these settings. Calls `meanwhile` once it runs, for work that takes less
    than a second. Raises what `prepare` raises for Blnk."""
    read_stderr, write_stderr = os.pipe()
    with os.fdopen(read_stderr, "rb") as stderr:
        try:
            process = _checks.start([*arguments(draft), SETTINGS_FOLLOW], stderr=write_stderr)
        finally:
            os.close(write_stderr)
        with process.stdin:
            try:
                process.stdin.write(pickle.dumps(settings))
                process.stdin.flush()
                meanwhile()
                why = _watched_to_its_end(process, ProcessWatch(process.pid, _limits(draft)))
                message = stderr.read().decode("utf-8", "replace").strip()
            finally:
                process.kill()
                process.wait()
    match process.returncode:
        case _ if why is not None:
            pass
        case 0:
            return
        case code if code == NOT_LET_IN:
            raise AccessDenied(message)
        case code if code == NO_ANSWER:
            raise ReadFailed(message)
        case _:
            print(message, file=sys.stderr)
    with store.write() as tx:
        give_up(tx, draft, why or watched_process.FAILED)


def _watched_to_its_end(process: Child, watch: ProcessWatch) -> str | None:
    while (why := watch.exceeded()) is None:
        with suppress(subprocess.TimeoutExpired):
            process.wait(watched_process.LOOK_SECONDS)
            return None
    process.kill()
    return why
