"""The job queue, on Procrastinate: adds missing jobs, runs them, and ends those whose worker is gone.

It decides only when and where something is done. A job may be lost, run twice, or be run by two workers at
once: leases and guarded moves in the desk's own tables decide what happens then.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import DeleteJobCondition, Status
from procrastinate.worker import Worker
from psycopg import AsyncConnection
from psycopg import errors as postgres
from psycopg.conninfo import make_conninfo
from psycopg_pool import PoolTimeout
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from blnk_api.store import Store
from blnk_api.worker.fleet.jobs import NOW_AND_THEN, Job, JobKind

log = logging.getLogger("blnk.fleet")
logging.getLogger("procrastinate").setLevel(logging.CRITICAL)  # what matters of it is said below
logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)


class JobFailed(Exception):
    """What it was about says so itself; the text is for the log."""


Act = Callable[[int], Awaitable[None]]
"""Runs a job of one kind. It receives the subject."""

POLL_SECONDS = 0.5
"""A new job is announced too, to who took from its queue at the start; all others find it after so long."""
PLACES = 1_000
"""How many jobs may run at once. One that sends lasts for days, so there must be far more than instances."""
_STOP_SECONDS = 0.0
_AGAIN_SECONDS = 1.0
_KEPT_HOURS = 24
_CONNECTION = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""Detects a server that disappears without notice."""
_UNPREPARED = {"prepare_threshold": None}
"""Works with a pooler that may assign any session."""

_NOT_AGAIN = """
SELECT lock FROM procrastinate_jobs AS job WHERE lock = ANY(%(locks)s) AND (
    status IN ('todo', 'doing') OR status = 'failed' AND EXISTS (
        SELECT FROM procrastinate_events WHERE job_id = job.id AND type = 'failed'
        AND at > now() - interval '30 seconds'
    )
)
"""
"""What waits or is being done; and what failed, for a while: it would only fail again. One whose worker is
gone is `aborted`."""
AWAY = (ConnectorException, PoolTimeout, postgres.Error, OperationalError, OSError)
"""What is raised where Postgres is away; then the worker starts over in a moment."""


class JobQueue:
    """One worker's end of the queue. `queues` is read each time it looks for a job, so it may change
    meanwhile."""

    def __init__(
        self, store: Store, acts: Mapping[JobKind, Act], queues: list[str], *, lease_seconds: float
    ) -> None:
        """A worker's jobs are given up a little sooner than its leases, so that nothing waits for them."""
        self._heartbeat_seconds = lease_seconds / 5
        self._stalled_seconds = lease_seconds * 0.8
        self._url = store.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._told = ""
        self._app = App(
            connector=PsycopgConnector(
                conninfo=self._url,
                kwargs=_CONNECTION,
                min_size=1,
                max_size=4,
                timeout=5.0,
                reconnect_timeout=5.0,
            )
        )
        self._queues = queues
        for kind, act in acts.items():
            if cron := NOW_AND_THEN.get(kind):
                job = Job.of_desk(kind)
                task = self._app.task(
                    name=kind.value, queue=job.queue, lock=job.lock, queueing_lock=job.lock
                )(_at_times(kind, act))
                self._app.periodic(cron=cron)(task)
            else:
                self._app.task(name=kind.value)(_once(kind, act))

    async def run(self, wanted: Callable[[], Awaitable[Sequence[Job]]], *, sweep_seconds: float) -> None:
        """Runs until canceled: runs jobs for this worker, and adds the jobs that `wanted` returns. Starts
        over if Postgres is unavailable or was restarted."""
        while True:
            began = time.monotonic()
            try:
                await self._reach()
                async with self._app.open_async():
                    self._told = ""
                    await self._run(wanted, sweep_seconds)
                self._tell("")
            except AWAY as problem:
                self._tell(_first_line(problem))
            except ExceptionGroup as problems:
                if problems.split(AWAY)[1] is not None:
                    raise
                self._tell(_first_line(problems.exceptions[0]))
            await asyncio.sleep(max(0.0, _AGAIN_SECONDS - (time.monotonic() - began)))

    async def _reach(self) -> None:
        """Raises while Postgres is away. A pool that is opened then gives up after a few tries, and says so
        half a minute later."""
        connection = await AsyncConnection.connect(make_conninfo(self._url, **_CONNECTION))
        await connection.close()

    def _tell(self, why: str) -> None:
        message = "The queue of jobs is being connected to again" + (f": {why}" if why else ".")
        if message != self._told:
            self._told = message
            log.warning("%s", message)

    async def _run(self, wanted: Callable[[], Awaitable[Sequence[Job]]], sweep_seconds: float) -> None:
        async with asyncio.TaskGroup() as group:
            beside = [
                group.create_task(self._sweep_for_ever(wanted, sweep_seconds)),
                group.create_task(self._reap_for_ever()),
            ]
            try:
                # Ends by itself if its heartbeat or its listener fails.
                await self._worker().run()  # type: ignore[no-untyped-call]
            finally:
                for task in beside:
                    task.cancel()

    def _worker(self) -> Worker:
        return Worker(
            self._app,
            queues=self._queues,
            concurrency=PLACES,
            fetch_job_polling_interval=POLL_SECONDS,
            shutdown_graceful_timeout=_STOP_SECONDS,
            delete_jobs=DeleteJobCondition.SUCCESSFUL,
            install_signal_handlers=False,
            update_heartbeat_interval=self._heartbeat_seconds,
            stalled_worker_timeout=self._stalled_seconds,
        )

    async def _sweep_for_ever(self, wanted: Callable[[], Awaitable[Sequence[Job]]], seconds: float) -> None:
        while True:
            await self.put_in(await wanted())
            await asyncio.sleep(seconds)

    async def put_in(self, jobs: Sequence[Job]) -> None:
        """Adds jobs of which none is waiting or running. A job whose worker is gone counts as running until
        it is ended: a second one behind it, with the same lock, would never start."""
        if not jobs:
            return
        found = await self._app.connector.execute_query_all_async(
            _NOT_AGAIN, locks=[job.lock for job in jobs]
        )
        not_again = {one["lock"] for one in found}
        for job in jobs:
            if job.lock not in not_again:
                task = self._app.configure_task(
                    job.kind.value, queue=job.queue, lock=job.lock, queueing_lock=job.lock
                )
                with suppress(AlreadyEnqueued):  # by another worker, a moment ago
                    await task.defer_async(subject=job.subject)

    async def _reap_for_ever(self) -> None:
        while True:
            await self.reap()
            await asyncio.sleep(self._heartbeat_seconds)

    async def reap(self) -> None:
        """Ends the jobs of workers that are gone. They are not begun again, which could wait for ever behind
        one that was put in meanwhile: whatever is still to do is put in as a new job."""
        stalled = await self._app.job_manager.get_stalled_jobs(seconds_since_heartbeat=self._stalled_seconds)
        for job in stalled:
            assert job.id is not None
            try:
                await self._app.job_manager.finish_job_by_id_async(job.id, Status.ABORTED, delete_job=False)
            except ConnectorException as problem:
                if not isinstance(problem.__cause__, postgres.RaiseException):
                    raise
                continue  # another worker ended it first
            log.info("The job “%s” was abandoned: its worker is gone.", job.lock)

    async def forget_old(self) -> None:
        """Deletes failed jobs after a day, which is long enough to see why they failed."""
        await self._app.job_manager.delete_old_jobs(
            _KEPT_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
        )


def _once(kind: JobKind, act: Act) -> Callable[..., Awaitable[None]]:
    async def run(subject: int) -> None:
        with _told(kind):
            await act(subject)

    return run


def _at_times(kind: JobKind, act: Act) -> Callable[[int], Awaitable[None]]:
    async def run(timestamp: int) -> None:
        with _told(kind):
            await act(0)

    return run


@contextmanager
def _told(kind: JobKind) -> Iterator[None]:
    """Says why a job failed. It is put in again after a while, if there is still something to do."""
    try:
        yield
    except (JobFailed, SQLAlchemyError, OSError) as problem:
        log.warning("The job “%s” failed and is tried again: %s", kind, _first_line(problem))
        raise
    except Exception:
        log.exception("The job “%s” failed", kind)
        raise


def _first_line(problem: Exception) -> str:
    return str(problem).strip().partition("\n")[0]
