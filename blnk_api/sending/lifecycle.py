"""Manages one instance's imports while rows are sent: starts, pauses, verifies and ends them."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from blnk_api import errors
from blnk_api.blnk.circuit_breaker import Circuit
from blnk_api.common import open_files
from blnk_api.facts.findings import Findings
from blnk_api.lookup.retry_policy import WhileWanted
from blnk_api.sending.engine import Engine
from blnk_api.sending.import_being_sent import Lane
from blnk_api.sending.in_doubt.lookups import InDoubtLookups
from blnk_api.sending.late_lookups import LateLookups
from blnk_api.sending.verification.verify import put_missing_in_doubt, verify
from blnk_api.settings import Waits
from blnk_api.store import import_acts, import_changes, imports
from blnk_api.store.async_store import LOOKED_AT_ANYHOW_SECONDS
from blnk_api.store.events import EventKind, note
from blnk_api.store.imports import Import
from blnk_api.store.outbox import notifications
from blnk_api.store.sending import senders, stops
from blnk_api.store.sending.attempts import WHO
from blnk_api.store.states import ImportState, PausedBy, Ramp, RowState
from blnk_api.store.transitions import move_import

PAGES_ACTIVE_SECONDS = 60.0
LEARNED_SECONDS = 1.0
IDLE_SECONDS = 5.0
MOST_HOURS_TOLD = 10_000
_LIVE = [ImportState.QUEUED, ImportState.RUNNING, ImportState.PAUSED, ImportState.VERIFYING]


class Lifecycle:
    """`only` is the single import that a command line runs. The app's sender runs all of its instance."""

    def __init__(
        self,
        engine: Engine,
        instance: int,
        waits: Waits,
        *,
        only: int | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._in_doubt = InDoubtLookups(engine, instance, waits, only=only)
        self._late = LateLookups(engine, instance, waits, wall=wall)
        self._engine = engine
        self._gate = engine.gateway
        self._store = engine.store
        self._instance = instance
        self._waits = waits
        self._only = only
        self._kept: tuple[Any, ...] = ()
        self._learned_at = 0.0
        self._told_since = 0.0
        """When the outage began that people were notified of."""

    async def run(self) -> None:
        """Runs until canceled, in parallel with the engine."""
        self._engine.start(self._in_doubt.run())
        self._engine.start(self._probe_for_ever())
        self._engine.start(self._late.run())
        self._engine.start(self._engine.other_desks.run(self._engine.lanes, self._waits.resolve))
        changes = self._store.changes()
        while True:
            moved = False
            try:
                moved = await self._watch()
                if self._gate.clock() - self._learned_at > LEARNED_SECONDS:
                    self._learned_at = self._gate.clock()
                    await self._remember_learned()
            except (OperationalError, OSError):
                await asyncio.sleep(self._waits.journal_retry)
            if not moved:
                # A lane also waits for answers of Blnk, of which the store knows nothing.
                anyhow = None if self._engine.lanes else LOOKED_AT_ANYHOW_SECONDS
                await changes.wait(self._waits.worker_notices, self._engine.at_rest, anyhow_seconds=anyhow)
            self._engine.at_rest.clear()

    async def _watch(self) -> bool:
        """Updates the engine's lanes from the imports in the store. Returns whether an import has started or
        must now be verified, so that there is work to do at once."""
        moved = False
        found, is_stopped = await self._store.read(live_imports, self._instance)
        live = [one for one in found if self._is_ours(one)]
        lanes = self._engine.lanes
        pace, denied = self._gate.pace, self._gate.denied
        asked, asked_of = pace.asked_seconds, pace.asked_of
        self._gate.is_stopped = is_stopped
        for import_ in live:
            lane = lanes.get(import_.number)
            if lane is None:
                # Start with a few rows after each start: a copy of this database may be sending elsewhere.
                ramp = min(Ramp(import_.ramp), Ramp.FEW)
                lane = Lane(import_, ramp, created_from=import_.created_from)
                lanes[import_.number] = lane
            lane.import_ = import_
            if import_.state is not ImportState.RUNNING:
                lane.runs_since = None
            elif lane.runs_since is None:
                lane.runs_since = self._gate.clock()
            is_asked = lane.runs_since is not None and asked_of > lane.runs_since
            moved |= await self._care_for(lane, import_, denied, asked if is_asked else None)
        for number in set(lanes) - {one.number for one in live}:
            lanes[number].sends = False
            if not lanes[number].out and not lanes[number].is_filling:
                del lanes[number]
        if denied is not None:
            # All are paused now with a reason. If one is resumed, however soon, the credentials
            # are tried again.
            self._gate.denied = None
        if asked is not None and pace.asked_of == asked_of:
            pace.asked_seconds = None
        return moved

    def _is_ours(self, import_: Import) -> bool:
        return import_.instance_number == self._instance and self._only in (None, import_.number)

    async def _care_for(self, lane: Lane, import_: Import, denied: str | None, asked: float | None) -> bool:
        """Returns whether it moved to a state in which there is more to do."""
        state = import_.state
        breaker = self._gate.breaker
        if state is not ImportState.VERIFYING:
            lane.verification = None  # the result of an earlier one does not count anymore
        if state is ImportState.QUEUED:
            return await self._move(import_, ImportState.QUEUED, ImportState.RUNNING)
        if state is ImportState.PAUSED:
            lane.sends = False
            if import_.paused_by is PausedBy.BREAKER and breaker.circuit is not Circuit.OPEN:
                await self._store.write(import_acts.resume, import_.number, who=WHO, only=PausedBy.BREAKER)
        elif state is ImportState.RUNNING and denied is not None:
            await self._pause(lane, PausedBy.ACCESS, f"Blnk rejected the credentials: {denied}")
        elif state is ImportState.RUNNING and asked is not None:
            await self._pause(lane, PausedBy.ANSWER, _asked_to_wait(asked))
        elif state is ImportState.RUNNING and breaker.circuit is Circuit.OPEN:
            await self._pause(lane, PausedBy.BREAKER, why_not(breaker.reason))
        elif state is ImportState.RUNNING:
            if self._is_settled(lane, import_):
                lane.sends = False
                return await self._move(import_, ImportState.RUNNING, ImportState.VERIFYING)
            lane.sends = not self._gate.is_stopped and not lane.restarts
            self._gate.wake()
        elif state is ImportState.VERIFYING and lane.verification is None:
            lane.verification = object()
            self._engine.start(self._verify(lane, lane.verification))
        return False

    async def _move(self, import_: Import, from_: ImportState, to: ImportState) -> bool:
        return await self._store.write(move_import, import_.number, from_=[from_], to=to)

    async def _pause(self, lane: Lane, by: PausedBy, reason: str) -> None:
        lane.sends = False
        lane.runs_since = None
        await self._store.write(import_acts.pause, lane.import_.number, by=by, who=WHO, reason=reason)

    def _is_settled(self, lane: Lane, import_: Import) -> bool:
        """Nothing to send, nothing on its way, and rows in doubt only wait for a person."""
        counts = import_.counts
        if lane.out or counts.get(RowState.READY) or counts.get(RowState.SENDING):
            return False
        return counts.get(RowState.UNKNOWN, 0) == import_.waiting_for_person

    async def _verify(self, lane: Lane, verification: object) -> None:
        # A page that fails is requested again without restarting the comparison.
        looker = self._engine.looker.patient(
            WhileWanted(lambda: lane.verification is verification, self._waits.breaker_first)
        )
        while lane.verification is verification:
            try:
                import_ = await self._store.read(imports.by_number, lane.import_.number)
                if import_.state is not ImportState.VERIFYING:
                    # It was over when this began, and this does not answer what is requested next.
                    lane.verification = None
                    return
                findings = await verify(
                    self._store, looker, import_, settle_seconds=self._engine.settle_seconds
                )
                if lane.verification is verification:
                    await self._store.write(_finish, import_, findings)
                    lane.verification = None
            except (errors.BlnkError, OperationalError, OSError):
                await asyncio.sleep(self._waits.breaker_first)

    async def _probe_for_ever(self) -> None:
        """While the breaker is open, tests with a read whether Blnk is back."""
        while True:
            if self._gate.breaker.may_probe(self._gate.clock()):
                try:
                    await self._engine.looker.answers()
                    self._gate.breaker.looked()
                except errors.AccessDenied:
                    self._gate.breaker.looked()  # Blnk answers; what it says matters only to rows
                except errors.BlnkError:
                    pass  # the gateway has informed the breaker
            is_idle = self._gate.breaker.circuit is Circuit.CLOSED and not self._engine.lanes
            await asyncio.sleep(IDLE_SECONDS if is_idle else self._waits.resolve)

    async def _remember_learned(self) -> None:
        """Stores pace and breaker, and reads from the store whether pages are reading."""
        kept = await self._store.read(senders.learned, self._instance)
        wall, now = time.time(), self._gate.clock()
        self._gate.pace.pages_are_reading = wall - (kept.pages_read_at or 0.0) < PAGES_ACTIVE_SECONDS
        pace, breaker = self._gate.pace, self._gate.breaker
        is_waiting = pace.not_before > now
        told: dict[str, str | float] | None = None
        if breaker.circuit is not Circuit.CLOSED:
            since = kept.breaker_since if kept.breaker and kept.breaker_since else wall
            told = {"circuit": breaker.circuit, "reason": breaker.reason, "since": since}
            if wall - since > self._waits.outage_told and since != self._told_since:
                self._told_since = since
                await self._store.write(notifications.waiting, self._instance, since=since)
        state = (pace.learned_per_minute, pace.not_before if is_waiting else None, breaker.circuit)
        if state != self._kept:
            self._kept = state
            await self._store.write(
                senders.remember_learned,
                self._instance,
                per_minute=pace.learned_per_minute,
                not_before=wall + (pace.not_before - now) if is_waiting else None,
                breaker=told,
            )


def live_imports(tx: Connection, instance: int) -> tuple[list[Import], bool]:
    """The imports with something to do, of all instances, and whether sending to this one is stopped."""
    return imports.in_states(tx, _LIVE), stops.is_stopped(tx, instance)


def why_not(reason: str) -> str:
    """The reason shown on an import while nothing can be sent, from the breaker's reason."""
    if open_files.is_blamed(reason):
        return f"{reason} It is retried automatically."
    return f"Blnk is not responding normally: {reason.rstrip('.')}. It is checked again automatically."


def _finish(tx: Connection, import_: Import, findings: Findings) -> None:
    """VERIFYING → DONE, with the findings."""
    done = move_import(
        tx, import_.number, from_=[ImportState.VERIFYING], to=ImportState.DONE, finished_at=time.time()
    )
    if not done:
        return
    import_changes.set_facts(tx, import_.number, findings=findings)
    if findings.missing:
        put_missing_in_doubt(tx, import_, findings)
    note(tx, import_.number, who=WHO, what=EventKind.VERIFIED, detail=findings)
    notifications.finished(tx, import_.number)


def _asked_to_wait(seconds: float) -> str:
    hours = min(seconds, MOST_HOURS_TOLD * 3600) / 3600
    told = f"{hours:,.0f} hours" if seconds < MOST_HOURS_TOLD * 3600 else f"over {MOST_HOURS_TOLD:,} hours"
    return (
        f"Blnk asked this desk to wait {told} before its next request, which is too long to wait without a "
        "decision. Nothing more was sent. Ask your Blnk administrator why, then resume."
    )
