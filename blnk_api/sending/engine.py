"""Sends the imports of one instance: claims rows, sends their POSTs, records the outcomes.

Why no row is ever sent twice:
1. A row is sent only after the store has committed that it is SENDING (`_claim`), and a claim older than a
   few seconds is not sent anymore (`bulk_http`).
2. Only READY rows are claimed, and READY means that no attempt of the row can have created a balance: this
   process looked up its ref in Blnk before (`preflight`), Blnk proved that its attempt was not carried out
   (`posting`, `answer_meaning.classify`), or look-ups proved it absent (`in_doubt.absence`).
3. Every other answer, and every crash, makes the row UNKNOWN, and UNKNOWN is never claimed.
If a second person must approve rows, a claim also requires that: see `claims.claim_approved`.
"""

import asyncio
import math
import secrets
from collections.abc import Coroutine
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from blnk_api.blnk.boot_clock import boottime
from blnk_api.blnk.circuit_breaker import Circuit
from blnk_api.lookup.existing import ROWS_PER_FILL
from blnk_api.lookup.looker import Looker
from blnk_api.sending import unapproved
from blnk_api.sending.attempt_result import ClaimedRow
from blnk_api.sending.gateway import Gateway
from blnk_api.sending.import_being_sent import MOST_REFUSALS_IN_A_ROW, Lane
from blnk_api.sending.in_doubt.absence import Resolver
from blnk_api.sending.other_desks import OtherDesks
from blnk_api.sending.posting import OnPost, Poster
from blnk_api.sending.preflight import Preflight
from blnk_api.sending.recorder import Recorder
from blnk_api.settings import Waits
from blnk_api.store.approvals.need import must_carry_one
from blnk_api.store.async_store import AsyncStore
from blnk_api.store.sending import claims
from blnk_api.store.sending.leases import Lease
from blnk_api.store.states import PausedBy, Ramp

TICK_SECONDS = 0.02
IDLE_SECONDS = 10.0
"""Whatever there is to do wakes it."""
CLAIM_AHEAD_SECONDS = 0.1
"""Only rows that the pace releases within this time are claimed."""
CLAIM_WHEN_GONE = 0.65
"""The next claim starts when this share of the claimed rows has left; the rest lasts while it is
committed."""
_PLACES_AHEAD = 2
"""Rows to claim for each connection: one becomes free again before the next claim is committed."""


class Engine:
    """Runs until it is canceled. `lease` says whether this process is still the only sender, and is asked in
    each transaction that decides something."""

    def __init__(
        self,
        store: AsyncStore,
        gateway: Gateway,
        waits: Waits,
        *,
        most_at_once: int,
        settle_seconds: float,
        lease: Lease,
        on_post: OnPost = lambda _outcome, _seconds: None,
    ) -> None:
        self.gateway = gateway
        self.name = f"{secrets.token_hex(8)}-"
        """Prefix of its claims, which distinguishes them from those of a sender that lost its lease."""
        self.looker = Looker(gateway.ask, gateway.instance_id)
        self.resolver = Resolver(
            settle_seconds=settle_seconds, request_timeout_seconds=gateway.connection.request_timeout_seconds
        )
        self.lanes: dict[int, Lane] = {}
        self.is_leaving = False
        """Nothing more is claimed: another process sends to this instance in a moment."""
        outcomes, store = store, store.guarded_by(lease.require)
        self._recorder = Recorder(store, outcomes, self.lanes, retry_seconds=waits.journal_retry)
        self.other_desks = OtherDesks(
            store, gateway, self.looker, insist=self._recorder.insist, start=self.start
        )
        self.preflight = Preflight(
            store,
            gateway,
            self.looker,
            waits,
            settle_seconds,
            other_desks=self.other_desks,
            insist=self._recorder.insist,
        )
        self.settle_seconds = settle_seconds
        self.store = store
        self._waits = waits
        self._most_at_once = most_at_once
        self._lease = lease
        self._poster = Poster(
            gateway,
            self.resolver,
            self.preflight,
            lease,
            insist=self._recorder.insist,
            start=self.start,
            on_post=on_post,
        )
        self.at_rest = asyncio.Event()
        """Set when the outcomes of all claimed rows of an import are recorded."""
        self._claiming = False
        self._is_full = False
        self._awake_at = boottime()
        self._turn = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._crash: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Raises whatever broke: the process then ends, and restarts from what the store contains."""
        self.start(self._recorder.run(self._after_record))
        nap = TICK_SECONDS
        try:
            while True:
                if self._crash.done():
                    self._crash.result()
                self._begin_again_after_sleep(nap)
                permits = self.gateway.open(self.gateway.clock())
                self._launch(permits)
                self._feed()
                busy = any(lane.sends or lane.out or lane.after for lane in self.lanes.values())
                nap = TICK_SECONDS if busy else IDLE_SECONDS
                await self.gateway.nap(TICK_SECONDS, nap)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._recorder.write_down_the_rest()

    def _begin_again_after_sleep(self, nap: float) -> None:
        """A machine that slept for longer than a claim is good begins as after a start. `nap`: the seconds
        that it was meant to rest."""
        before, self._awake_at = self._awake_at, boottime()
        if self._awake_at - before > nap + self._waits.claim_good:
            for lane in self.lanes.values():
                lane.forget_looks()
                lane.starts_slowly()

    @property
    def in_flight(self) -> int:
        return sum(lane.in_flight for lane in self.lanes.values())

    def _launch(self, permits: int) -> None:
        """Sends claimed rows, one lane after the other, so that imports share the pace. What was claimed just
        as its import stopped goes back (`_give_back`)."""
        free = min(permits, self._most_at_once - self.in_flight) if self._lease.is_held() else 0
        waiting = (lane for lane in self.lanes.values() if lane.claimed and lane.sends)
        lanes = sorted(waiting, key=lambda lane: lane.turn)
        while free > 0 and lanes:
            for lane in lanes[:free]:
                free -= 1
                lane.turn = self._turn = self._turn + 1
                self.gateway.pace.take(1)
                lane.in_flight += 1
                self.start(self._send(lane, lane.claimed.popleft()))
            lanes = [lane for lane in lanes if lane.claimed]
        self._is_full = bool(lanes) and self.in_flight >= self._most_at_once

    def _feed(self) -> None:
        """Looks up further rows, and claims those that may leave within the next moment."""
        now = self.gateway.clock()
        for lane in list(self.lanes.values()):
            if not lane.sends:
                self._give_back(lane)
                continue
            while lane.claimed and lane.claimed[0].leave_before < boottime():
                self._recorder.take_back(lane, 1, "The row was not sent in time.")
            if not lane.is_filling and len(lane.ready) < ROWS_PER_FILL and now >= lane.fill_at:
                lane.is_filling = True
                self.start(self.preflight.fill(lane))
            if lane.few_are_back() and not self._claiming:
                lane.is_confirming_few = True
                self.start(self.preflight.confirm_few(lane))
        if self._claiming or not self._may_claim():
            return
        ahead = min(self.gateway.pace.expected(CLAIM_AHEAD_SECONDS), _PLACES_AHEAD * self._most_at_once)
        wanted = ahead - sum(len(lane.claimed) for lane in self.lanes.values())
        if wanted < ahead * CLAIM_WHEN_GONE:
            return  # one claim for many rows: a commit costs the same for one row as for a hundred
        if self.gateway.breaker.circuit is Circuit.HALF_OPEN:
            wanted = min(wanted, 1 - sum(lane.out for lane in self.lanes.values()))
        lanes = [lane for lane in self.lanes.values() if lane.sends and lane.ready and lane.room() > 0]
        if wanted > 0 and lanes:
            self._claiming = True
            self.start(self._claim(lanes, wanted))

    def _may_claim(self) -> bool:
        return (
            self._recorder.is_well
            and not self.is_leaving
            and self._lease.is_held()
            and self.gateway.denied is None
            and self.gateway.breaker.circuit is not Circuit.OPEN
            and self.gateway.clock() >= self.gateway.pace.not_before
        )

    async def _claim(self, lanes: list[Lane], wanted: int) -> None:
        share = math.ceil(wanted / len(lanes))
        for lane in lanes:
            n = min(share, lane.room(), len(lane.ready))
            rows = {row.id: row for row in (lane.ready.popleft() for _ in range(n))}
            lane.claiming = len(rows)
            number, token = lane.import_.number, f"{self.name}{secrets.token_hex(8)}"
            leave_before = boottime() + self._waits.claim_good
            needs_approval = must_carry_one(self.gateway.connection.approval, lane.import_)
            first = set(lane.firsts(list(rows))) if self.preflight.can_look else set()
            try:
                if needs_approval:
                    bodies = {id: row.body for id, row in rows.items()}
                    claimed = await self.store.write(
                        claims.claim_approved, number, bodies, token, first=first
                    )
                else:
                    tries = {id: row.tries for id, row in rows.items()}
                    claimed = await self.store.write(claims.claim, number, tries, token, first=first)
            except (SQLAlchemyError, OSError):
                # It is unknown whether this was committed, but nothing has left: the rows go back.
                await asyncio.sleep(self._waits.journal_retry)
                await self._recorder.give_up_claim(number, list(rows), token)
                lane.claiming = 0
                break
            lane.claiming = 0
            for id, n in claimed.tries.items():
                lane.claimed.append(ClaimedRow(id, n, token, rows[id].ref, rows[id].body, leave_before))
            lane.first_claimed += len(first & claimed.tries.keys())
            if lane.ramp is Ramp.FEW:
                lane.few_sent += len(claimed.tries)
            if needs_approval and len(claimed.tries) < len(rows):
                left = rows.keys() - claimed.tries.keys()
                await unapproved.tell(self.store, self._recorder.insist, lane, left)
        self._claiming = False

    async def _send(self, lane: Lane, claimed: ClaimedRow) -> None:
        """One attempt, from its claim to its result."""
        result = await self._poster.post(lane, claimed)
        lane.in_flight -= 1
        self._recorder.add(lane, result)
        if self._is_full:
            # A free place is used at once: waiting for the next tick would cost a third of the pace.
            self._launch(self.gateway.open(self.gateway.clock()))

    def _give_back(self, lane: Lane) -> None:
        """The import does not run anymore: claimed rows that have not left go back, others are forgotten."""
        lane.forget_looks()
        self._recorder.take_back(lane, len(lane.claimed), "The import stopped before the row was sent.")

    async def _after_record(self, lane: Lane) -> None:
        if not lane.out and not lane.ready:
            self.at_rest.set()
        if lane.refusals_in_a_row >= MOST_REFUSALS_IN_A_ROW and lane.sends:
            lane.refusals_in_a_row = 0
            await self.preflight.pause(
                lane,
                PausedBy.REFUSALS,
                f"Blnk rejected {MOST_REFUSALS_IN_A_ROW} rows one after another. The reasons are shown with "
                "the rows. Resume if the remaining rows should be sent anyway.",
            )

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs a task in addition to the ticks. If it fails, the engine fails."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None and not self._crash.done():
            self._crash.set_exception(task.exception())  # type: ignore[arg-type]
            self.gateway.wake()
