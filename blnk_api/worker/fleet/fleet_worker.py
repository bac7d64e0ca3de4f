"""One of the workers on several machines: takes jobs from the queue and runs them.

A job assigns it an instance to send to, or a draft to read, while both last. Its lease decides whether it may
send, never the job: if the queue is unavailable, it continues with what it holds.
"""

import asyncio
import logging
import os
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from blnk_api.drafts.check_process import MOST_AT_ONCE
from blnk_api.sending.instance_sending import stop_if_copied
from blnk_api.settings import Settings
from blnk_api.store import Store, StoreUnavailable, failures, imports
from blnk_api.store.async_store import AsyncStore, wait_at_most
from blnk_api.store.sending import leases, senders
from blnk_api.store.sending.leases import LeaseLost, Leases
from blnk_api.store.states import Stage
from blnk_api.wording import about_stops
from blnk_api.worker.draft_checks import DraftChecks
from blnk_api.worker.engines import Engines
from blnk_api.worker.fleet import fair_share
from blnk_api.worker.fleet.desk_jobs import DeskJobs
from blnk_api.worker.fleet.fair_share import Colleague
from blnk_api.worker.fleet.job_queue import JobQueue
from blnk_api.worker.fleet.jobs import DESK_QUEUE, Job, JobKind, check_queue, send_queue
from blnk_api.worker.fleet.queue_tables import make_tables
from blnk_api.worker.served_metrics import ServedMetrics

log = logging.getLogger("blnk.fleet")

SWEEP_SECONDS = 0.5
"""How often a worker looks for what there is to do and nobody does."""
_IDLE_SECONDS = 0.5
_TRIES_SECONDS = 15.0
"""For the lease of an instance that another still holds; then the job ends, and may be another worker's."""
_OVERDUE_SECONDS = 5.0
"""An instance that nobody has sent to for so long is taken by whoever can, fair share or not."""
_APART_SECONDS = 10.0
"""Between two instances that are left to others."""


@dataclass
class _Given:
    """An instance that a job gave to this worker. `over` ends the job."""

    at: float
    over: asyncio.Event


class FleetWorker:
    def __init__(self, settings: Settings, store: Store, *, wall: Callable[[], float] = time.time) -> None:
        self._store = store
        self._thread = AsyncStore(store)
        self._token = secrets.token_hex(8)
        self._given: dict[int, _Given] = {}
        """By instance."""
        self._reads: dict[int, asyncio.Event] = {}
        """The drafts whose files jobs gave to it; the event ends the job."""
        self._leases = Leases(store, seconds=settings.waits.lease)
        self._metrics = ServedMetrics(settings, store)
        self._engines = Engines(
            settings,
            store,
            self._thread,
            wall=wall,
            on_post=self._metrics.on_post,
            takes=self._given.__contains__,
        )
        self._drafts = DraftChecks(settings, self._thread)
        self._desk = DeskJobs(store, self._thread, self._engines, self._leases)
        self._queues = [DESK_QUEUE]
        acts = {
            **self._desk.acts,
            JobKind.SEND: self._send,
            JobKind.CHECK: self._check,
            JobKind.EXPIRE: self._expire,
        }
        self._queue = JobQueue(store, acts, self._queues, lease_seconds=settings.waits.lease)
        self._woken = asyncio.Event()
        self._beat_at = self._left_at = self._desk_at = float("-inf")
        self._nobody_sends_since: dict[int, float] = {}
        self._leaving: asyncio.Task[None] | None = None
        self._colleagues: Sequence[Colleague] = ()

    async def run(self) -> None:
        """Until canceled. Raises LeaseLost, or what broke: then another worker takes over."""
        try:
            with self._leases:
                await self._run()
        finally:
            self._metrics.close()
            self._thread.close()

    async def _run(self) -> None:
        if await stop_if_copied(self._thread):
            log.warning("Sending is stopped. %s", about_stops.FOUND_ELSEWHERE)
        await self._thread.write(senders.register, token=self._token, owner=senders.WORKER)
        tasks = [
            asyncio.create_task(self._tend_for_ever()),
            asyncio.create_task(self._queue.run(self._wanted, sweep_seconds=SWEEP_SECONDS)),
        ]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._drafts.stop()
            await self._engines.stop()
            with suppress(SQLAlchemyError, OSError):
                await self._thread.write(senders.resign, token=self._token)

    async def _send(self, instance: int) -> None:
        """The job of an instance: over when this worker does not send to it anymore, or cannot begin to."""
        given = self._given.setdefault(instance, _Given(time.monotonic(), asyncio.Event()))
        self._choose_queues()
        self._woken.set()
        # Canceled if the queue is unavailable; the lease says whether the instance is still ours.
        await given.over.wait()

    async def _check(self, draft: int) -> None:
        """The job of a draft: finished when its file was read, whatever the result."""
        over = self._reads.setdefault(draft, asyncio.Event())
        self._choose_queues()
        self._woken.set()
        try:
            await over.wait()
        finally:
            self._reads.pop(draft, None)

    async def _expire(self, _: int) -> None:
        await self._desk.expire()
        await self._queue.forget_old()

    async def _wanted(self) -> list[Job]:
        """What there is to do, and nobody does."""
        reaches = self._engines.reaches
        sent_to, unread = await self._thread.read(_what_is_done)
        now = time.monotonic()
        idle = [instance for instance in reaches if instance not in sent_to]
        self._nobody_sends_since = {one: self._nobody_sends_since.get(one, now) for one in idle}
        jobs = [Job.send(instance) for instance in idle]
        jobs += [Job.check(draft, instance) for draft, instance in unread if instance in reaches]
        if now - self._desk_at > senders.BEAT_SECONDS:
            self._desk_at = now
            jobs += await self._desk.wanted()
        return jobs

    async def _tend_for_ever(self) -> None:
        told = ""
        while True:
            self._engines.raise_if_broken()
            self._woken.clear()
            try:
                await self._tend()
                told = ""
            except (OperationalError, OSError) as problem:
                # Nothing is sent without a renewed lease; what is held continues afterwards.
                if told != (told := failures.explain(problem)):
                    log.warning("%s", told)
                await asyncio.sleep(self._engines.settings.waits.journal_retry)
            is_busy = any(one.engine.lanes for one in self._engines.running) or self._reads
            waits = self._engines.settings.waits.worker_notices
            await wait_at_most(waits if is_busy else _IDLE_SECONDS, self._woken)

    async def _tend(self) -> None:
        reads = list(self._reads)
        if self._given.keys() - set(self._engines.serves) or self._is_time_to_beat():
            await self._engines.follow_secrets(self._leases)
            self._end_sends()
        if self._is_time_to_beat():
            self._beat_at = time.monotonic()
            await self._beat()
        await self._drafts.look_for_drafts(self._engines.lookers, reads=reads)
        for draft in set(reads) - self._drafts.unread:
            if over := self._reads.get(draft):
                over.set()
        self._choose_queues()

    def _is_time_to_beat(self) -> bool:
        return time.monotonic() - self._beat_at > senders.BEAT_SECONDS

    async def _beat(self) -> None:
        await self._thread.read(self._store.refuse_later)
        self._metrics.serve(self._engines)
        serves, reaches = self._engines.serves, self._engines.reaches
        await self._thread.write(senders.beat, token=self._token, serves=serves, reaches=reaches)
        found = await self._thread.read(senders.at_work)
        self._colleagues = [
            Colleague(one.reaches, len(one.serves))
            for one in found
            if one.token != self._token and one.owner == senders.WORKER
        ]
        self._leave_one()

    def _end_sends(self) -> None:
        now = time.monotonic()
        for instance in set(self._given) - set(self._engines.serves):
            given = self._given[instance]
            if instance not in self._engines.reaches or now - given.at > _TRIES_SECONDS:
                given.over.set()
                del self._given[instance]

    def _leave_one(self) -> None:
        """To a worker that came later, and has fewer."""
        if self._leaving is not None and self._leaving.done():
            self._leaving.result()
            self._leaving = None
        if self._leaving is not None or time.monotonic() - self._left_at < _APART_SECONDS:
            return
        held = set(self._engines.serves) & self._given.keys()
        could = fair_share.gives_away(held, self._colleagues)
        if could:
            self._left_at = time.monotonic()
            left = min(could, key=self._engines.rows_underway)
            given = self._given.pop(left)
            self._leaving = asyncio.create_task(self._leave(left, given))

    async def _leave(self, instance: int, given: _Given) -> None:
        with suppress(LeaseLost):  # the next look says so
            await self._engines.leave(instance)
        given.over.set()

    def _choose_queues(self) -> None:
        """What this worker would do now; the queue asks again at each look for a job."""
        now = time.monotonic()
        reaches = self._engines.reaches
        overdue = {one for one, at in self._nobody_sends_since.items() if now - at > _OVERDUE_SECONDS}
        sends = len(self._given)
        self._queues[:] = [
            DESK_QUEUE,
            *(
                send_queue(one)
                for one in reaches
                if one in overdue or fair_share.may_take(one, sends, self._colleagues)
            ),
            *(check_queue(one) for one in reaches if len(self._reads) < MOST_AT_ONCE),
        ]


def _what_is_done(tx: Connection) -> tuple[set[int], list[tuple[int, int]]]:
    """The instances that someone sends to, and the drafts whose files are unread with their instances."""
    unread = [one for one in imports.being_checked(tx) if one.stage is not Stage.LOOKING]
    return leases.held_now(tx), [(one.number, one.instance_number) for one in unread]


async def run(settings: Settings) -> None:
    """A worker, for ever: it starts over when it was taken for dead, or its database was away."""
    store = Store(settings.database_url)
    while True:
        try:
            await asyncio.to_thread(store.migrate)
            await asyncio.to_thread(make_tables, store)
            log.info("Worker: process %d is taking jobs.", os.getpid())
            await FleetWorker(settings, store).run()
        except StoreUnavailable as problem:
            if not problem.may_pass:
                raise
            log.warning("%s", problem)
        except (OperationalError, OSError) as problem:
            log.warning("%s", failures.explain(problem))
        except LeaseLost:
            log.warning("Another worker has taken over the instances of this one, which starts again.")
        await asyncio.sleep(settings.waits.journal_retry)
