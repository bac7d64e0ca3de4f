"""Looks up an instance's rows in doubt in Blnk, and writes down what became of them."""

import asyncio

from sqlalchemy.exc import OperationalError

from blnk_api import errors
from blnk_api.lookup.looker import bound_of, sortable
from blnk_api.sending.engine import Engine
from blnk_api.sending.in_doubt import ownership
from blnk_api.sending.in_doubt.absence import SAME_SERVER_ERRORS, Look
from blnk_api.settings import Waits
from blnk_api.store import imports
from blnk_api.store.async_store import LOOKED_AT_ANYHOW_SECONDS
from blnk_api.store.imports import Import
from blnk_api.store.sending import recovery, rows_in_doubt
from blnk_api.store.sending.attempts import remember_first
from blnk_api.store.sending.rows_in_doubt import UnknownRow
from blnk_api.store.states import ImportState

IDLE_SECONDS = 2.0
"""The interval for an instance without a live import, whose rows in doubt are old."""


class InDoubtLookups:
    """`only` is the single import that a command line runs. What may be believed: see `absence`."""

    def __init__(self, engine: Engine, instance: int, waits: Waits, *, only: int | None = None) -> None:
        self._engine = engine
        self._store = engine.store
        self._instance = instance
        self._waits = waits
        self._only = only

    async def run(self) -> None:
        changes = self._store.changes()
        while True:
            may_be_due = True
            try:
                may_be_due = await self._look_up_due()
            except (errors.BlnkError, OperationalError, OSError):
                await asyncio.sleep(self._waits.journal_retry)
            if self._engine.lanes:
                await asyncio.sleep(self._waits.resolve)
            elif may_be_due:
                await asyncio.sleep(IDLE_SECONDS)
            else:
                await changes.wait(IDLE_SECONDS, anyhow_seconds=LOOKED_AT_ANYHOW_SECONDS)

    async def _look_up_due(self) -> bool:
        """Returns whether there are rows in doubt, which are looked up when their time has come."""
        name = self._engine.name
        if await self._store.read(recovery.anybody_left_rows, self._instance, except_of=name):
            # Claimed by a sender that had lost its lease to us and not noticed yet.
            await self._store.write(recovery.recover, self._instance, except_of=name)
        numbers = await self._store.read(rows_in_doubt.imports_with_unknown, self._instance)
        if self._only is not None:
            numbers = [one for one in numbers if one == self._only]
        rows = await self._store.read(rows_in_doubt.unknown_rows, numbers) if numbers else []
        if rows and not self._engine.preflight.can_look:
            await self._store.write(
                rows_in_doubt.wait_for_person,
                [row.id for row in rows],
                message="These credentials have no read permission. Check in Blnk whether the "
                "balance exists.",
            )
            return True
        now = self._engine.gateway.clock()
        for look in self._engine.resolver.due(rows, now):
            await self._look(look)
        return bool(rows)

    async def _look(self, look: Look) -> None:
        import_ = await self._store.read(imports.by_number, look.rows[0].import_)
        try:
            found = await self._engine.looker.find_together(
                [row.ref for row in look.rows],
                created_from=bound_of(import_.created_from),
                witness=look.witness.ref if look.witness else None,
            )
        except errors.AccessDenied as denied:
            if denied.status != 403:
                raise
            self._engine.preflight.can_look = False
            return
        if (lane := self._engine.lanes.get(import_.number)) is not None:
            await self._engine.other_desks.judge(lane, [one for each in found.values() for one in each])
        now = self._engine.gateway.clock()
        witnessed = look.witness is not None and look.witness.ref in found
        conflicts = [row for row in look.rows if row.conflict and row.ref not in found]
        taken = await ownership.taken(self._store, self._engine.looker, conflicts)
        if there := [row for row in look.rows if row.ref in found]:
            first = min(
                (one for row in there for one in found[row.ref]), key=lambda one: sortable(one.created_at)
            )
            await self._store.write(ownership.were_found, import_.id, there, found)
            await self._store.write(remember_first, import_.number, first.created_at)
        # Rows that may be sent again come first: each may become a witness for the others.
        for row in sorted((row for row in look.rows if row.ref not in found), key=lambda one: one.conflict):
            if row.id in taken:
                await self._store.write(rows_in_doubt.was_taken, row, why=taken[row.id])
            else:
                await self._judge_absent(look, row, import_, now, witnessed=witnessed)

    async def _judge_absent(
        self, look: Look, row: UnknownRow, import_: Import, now: float, *, witnessed: bool
    ) -> None:
        alone = not witnessed and not await self._store.read(rows_in_doubt.more_to_send, self._instance)
        if not self._engine.resolver.absent(row, look, now, witness_was_found=witnessed, alone=alone):
            return
        is_running = import_.state is ImportState.RUNNING
        if witnessed or (is_running and not row.conflict):
            await self._store.write(rows_in_doubt.was_absent, row, same_server_errors=SAME_SERVER_ERRORS)
        elif import_.is_over or is_running:
            # Nothing newer can be a witness, and this row will not be sent again to become one itself.
            await self._store.write(
                rows_in_doubt.wait_for_person,
                [row.id],
                message="Blnk does not list the balance, but no newer balance shows that its list is "
                "current.",
            )
