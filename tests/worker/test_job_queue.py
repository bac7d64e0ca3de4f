"""Jobs are found, done and taken over, whatever happens to the workers that took them first."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from blnk_api.store import Store, StoreUnavailable
from blnk_api.worker.fleet.job_queue import Act, JobQueue
from blnk_api.worker.fleet.jobs import NOW_AND_THEN, Job, JobKind
from blnk_api.worker.fleet.queue_tables import make_tables
from tests.support.postgres import Postgres

SOON_SECONDS = 180


@pytest.fixture
def store(postgres: Postgres) -> Iterator[Store]:
    """A store on Postgres with an empty queue."""
    opened = Store(postgres.new_database(like="migrated"))
    make_tables(opened)
    yield opened
    opened.close()


class Crew:
    """A worker whose jobs are noted; those of an instance last until it stops."""

    def __init__(self, store: Store, queues: list[str]) -> None:
        self.done: list[Job] = []
        self._changed = asyncio.Condition()
        acts: dict[JobKind, Act] = {kind: self._act(kind) for kind in JobKind}
        self.queue = JobQueue(store, acts, queues, lease_seconds=10)

    def _act(self, kind: JobKind) -> Act:
        async def act(subject: int) -> None:
            async with self._changed:
                if kind not in NOW_AND_THEN:
                    self.done.append(Job(kind, subject, ""))
                    self._changed.notify_all()
            if kind is JobKind.SEND:
                await asyncio.Event().wait()

        return act

    async def until(self, holds: Callable[[list[str]], bool]) -> None:
        async with asyncio.timeout(SOON_SECONDS), self._changed:
            await self._changed.wait_for(lambda: holds([job.lock for job in self.done]))


def run(*works: Awaitable[None]) -> None:
    """Until the last of them is over; the others go on until then."""

    async def all_of_them() -> None:
        tasks = [asyncio.ensure_future(work) for work in works]
        await tasks[-1]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(all_of_them())


def always(*jobs: Job) -> Callable[[], Awaitable[list[Job]]]:
    async def wanted() -> list[Job]:
        return list(jobs)

    return wanted


def sql(store: Store, statement: str) -> list[str]:
    with store.engine.begin() as tx:
        found = tx.exec_driver_sql(statement)
        return [str(one) for (one,) in found] if found.returns_rows else []


def take_and_die(store: Store) -> None:
    """A worker takes the oldest job, and is not heard from since a minute."""
    (worker,) = sql(
        store,
        "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 minute') "
        "RETURNING id",
    )
    (taken,) = sql(store, f"SELECT id FROM procrastinate_fetch_job_v2(NULL, {worker})")
    assert taken != "None"


def test_an_instance_of_a_dead_worker_is_sent_to_again_although_a_second_job_waits_behind_the_first(
    store: Store,
) -> None:
    send = Job.send(1)
    crew = Crew(store, [send.queue])

    async def staged() -> None:
        async with crew.queue._app.open_async():
            await crew.queue.put_in([send])
            take_and_die(store)
            again = crew.queue._app.configure_task(
                send.kind.value, queue=send.queue, lock=send.lock, queueing_lock=send.lock
            )
            await again.defer_async(subject=1)
        await asyncio.gather(go_on(), crew.until(lambda done: done == ["send 1"]))

    async def go_on() -> None:
        task = asyncio.ensure_future(crew.queue.run(always(send), sweep_seconds=0.1))
        await crew.until(lambda done: bool(done))
        task.cancel()

    run(staged())
    assert sql(store, "SELECT status FROM procrastinate_jobs ORDER BY id")[0] == "aborted"


def test_no_second_job_is_put_behind_one_that_is_waited_for_or_done(store: Store) -> None:
    send, check = Job.send(1), Job.check(7, 1)
    crew = Crew(store, [send.queue])

    async def staged() -> None:
        await crew.until(lambda done: done == ["send 1"])
        for _ in range(3):
            await crew.queue.put_in([send, check])

    run(crew.queue.run(always(send), sweep_seconds=0.1), staged())
    # Once it was cut off, and a job that nobody may take still waits.
    assert sql(store, "SELECT count(*) FROM procrastinate_jobs WHERE lock = 'send 1'") == ["1"]
    assert sql(store, "SELECT status FROM procrastinate_jobs WHERE lock = 'check 7'") == ["todo"]


def test_instances_that_are_sent_to_for_days_leave_room_for_files_and_receipts(store: Store) -> None:
    sends = [Job.send(number) for number in range(1, 41)]
    others = [Job.check(7, 1), Job.of_desk(JobKind.RECEIPT, 3), Job.of_desk(JobKind.NOTIFY)]
    crew = Crew(store, sorted({job.queue for job in (*sends, *others)}))

    async def staged() -> None:
        await crew.until(lambda done: len(done) == 40)
        others_wanted.extend(others)
        await crew.until(lambda done: {"check 7", "receipt 3", "notify 0"} <= set(done))

    others_wanted: list[Job] = []

    async def wanted() -> list[Job]:
        return [*sends, *others_wanted]

    run(crew.queue.run(wanted, sweep_seconds=0.05), staged())


def test_a_worker_continues_after_its_connections_were_cut(store: Store, postgres: Postgres) -> None:
    crew = Crew(store, ["desk"])
    now: list[Job] = [Job.of_desk(JobKind.RECEIPT, 1)]

    async def wanted() -> list[Job]:
        return now

    async def staged() -> None:
        await crew.until(lambda done: "receipt 1" in done)
        url = store.url.render_as_string(hide_password=False)
        await asyncio.to_thread(lambda: postgres.kill(postgres.sessions(url)))
        now[:] = [Job.of_desk(JobKind.RECEIPT, 2)]
        await crew.until(lambda done: "receipt 2" in done)

    run(crew.queue.run(wanted, sweep_seconds=0.05), staged())


def test_a_worker_takes_no_job_for_which_it_has_no_credentials(store: Store) -> None:
    crew = Crew(store, [Job.send(2).queue, "desk"])

    async def staged() -> None:
        await crew.until(lambda done: "receipt 1" in done and "send 2" in done)

    wanted = always(Job.send(1), Job.check(5, 1), Job.send(2), Job.of_desk(JobKind.RECEIPT, 1))
    run(crew.queue.run(wanted, sweep_seconds=0.1), staged())
    assert not {"send 1", "check 5"} & {job.lock for job in crew.done}


def test_workers_that_start_at_the_same_moment_create_the_tables_once(postgres: Postgres) -> None:
    url = postgres.new_database()

    def start(_: int) -> None:
        opened = Store(url)
        try:
            opened.migrate()
            make_tables(opened)
        finally:
            opened.close()

    with ThreadPoolExecutor(4) as workers:
        list(workers.map(start, range(4)))


def test_tables_of_an_earlier_version_are_created_again_and_those_of_a_later_one_are_kept(
    store: Store,
) -> None:
    of = "COMMENT ON TABLE procrastinate_jobs IS 'Jobs of Balance Desk, as Procrastinate has them since {}'"
    put = "INSERT INTO procrastinate_jobs (queue_name, task_name) VALUES ('desk', 'notify')"
    count = "SELECT count(*) FROM procrastinate_jobs"

    sql(store, put)
    sql(store, of.format("3.9.9"))
    make_tables(store)
    assert sql(store, count) == ["0"]
    sql(store, put)
    make_tables(store)
    sql(store, of.format("99.0.0"))
    make_tables(store)
    assert sql(store, count) == ["1"]


def test_a_database_with_the_queue_of_another_program_is_rejected(store: Store) -> None:
    sql(store, "COMMENT ON TABLE procrastinate_jobs IS NULL")

    with pytest.raises(StoreUnavailable, match="another program"):
        make_tables(store)
