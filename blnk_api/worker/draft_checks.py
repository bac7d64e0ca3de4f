"""Runs the checks of drafts: has each file read in a separate process, then looks up its rows."""

import asyncio
import time
from collections.abc import Collection, Mapping
from contextlib import suppress

from blnk_api.drafts.check_process import CheckProcesses
from blnk_api.drafts.existence_check import look_draft_up
from blnk_api.errors import BlnkError
from blnk_api.lookup.looker import Looker
from blnk_api.settings import Settings
from blnk_api.store import imports
from blnk_api.store.async_store import AsyncStore
from blnk_api.store.imports import Import
from blnk_api.store.states import Stage

_AGAIN_SECONDS = 2.0
"""The wait before a failed check is restarted, if Blnk did not answer or the process died."""
_THEIR_OWN_SECONDS = 1.0
"""How long whoever changed a draft, and had that checked at once, has to look up the new rows too."""


class DraftChecks:
    def __init__(self, settings: Settings, thread: AsyncStore) -> None:
        self._settings = settings
        self._thread = thread
        self._checks = CheckProcesses(settings, thread)
        self._looks: dict[str, tuple[Looker, asyncio.Task[None]]] = {}
        self._not_before: dict[tuple[str, Stage | None, int], float] = {}
        self._begun: dict[str, int] = {}
        """The versions whose files were checked from here."""
        self.unread: set[int] = set()
        """Drafts whose files are to be read, by whomever, as of the last look."""
        self.is_tended = False
        """Whether the last look found nothing to do or to wait for, and nothing was written since."""

    @property
    def have_room(self) -> bool:
        """Whether the file of another draft may be read."""
        return self._checks.have_room()

    async def look_for_drafts(
        self, lookers: Mapping[int, Looker], *, reads: Collection[int] | None = None
    ) -> None:
        """Goes on with every draft that is not checked yet; `lookers` are the engines' by instance.

        `reads`: of these drafts alone the file is read here, whoever sends to their instance.
        """
        for id in [id for id, (_, look) in self._looks.items() if look.done()]:
            self._looks.pop(id)[1].result()
        for id, (looker, look) in list(self._looks.items()):
            if looker not in lookers.values():
                look.cancel()  # its engine and connection have ended: another one continues
                await asyncio.gather(look, return_exceptions=True)
                del self._looks[id]
        now = time.monotonic()
        self._not_before = {draft: moment for draft, moment in self._not_before.items() if moment > now}
        if at_work := self._checks.ids:
            await self._checks.end_all_but(await self._thread.read(imports.drafts_among, at_work))
        drafts = await self._thread.read(imports.being_checked)
        self.is_tended = not (drafts or at_work or self._looks)
        self.unread = {one.number for one in drafts if one.stage is not Stage.LOOKING}
        self._begun = {one.id: self._begun[one.id] for one in drafts if one.id in self._begun}
        for draft in drafts:
            if draft.id in self._checks.ids or draft.id in self._looks:
                continue
            is_read = draft.stage is not Stage.LOOKING
            if not (
                draft.number in reads if is_read and reads is not None else draft.instance_number in lookers
            ):
                continue  # another worker's, or no connection means its Blnk at the moment
            if (draft.id, draft.stage, draft.version) in self._not_before:
                continue
            if is_read and not self._checks.have_room():
                continue
            if is_read:
                self._begun[draft.id] = draft.version
            elif draft.look_again is not None and self._begun.get(draft.id) != draft.version:
                self._begun[draft.id] = draft.version
                self._not_before[draft.id, draft.stage, draft.version] = now + _THEIR_OWN_SECONDS
                continue
            self._not_before[draft.id, draft.stage, draft.version] = time.monotonic() + _AGAIN_SECONDS
            if is_read:
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
