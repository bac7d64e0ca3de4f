"""Sending to one instance: its engine and what manages it, as tasks that end together."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from blnk_api.access.actors import SENDER
from blnk_api.blnk.auth import token_source
from blnk_api.blnk.bulk_http import BulkClient
from blnk_api.blnk.circuit_breaker import Breaker, Circuit
from blnk_api.blnk.pacing import Pace
from blnk_api.common import open_files
from blnk_api.sending.engine import Engine
from blnk_api.sending.gateway import Gateway
from blnk_api.sending.lifecycle import Lifecycle
from blnk_api.sending.posting import OnPost
from blnk_api.settings import Connection, Settings
from blnk_api.store import Store, instance_numbers
from blnk_api.store.async_store import AsyncStore
from blnk_api.store.sending import copied_store, senders
from blnk_api.store.sending.leases import Lease
from blnk_api.store.token_store import TokenStore
from blnk_api.wording import about_stops

MOST_WAIT_SECONDS = 600.0
"""The longest wait taken from the store: its time is wall time, and that clock may have jumped since."""


async def stop_if_copied(thread: AsyncStore) -> bool:
    """Before a process begins to send. Stops sending if the database was found elsewhere than it was left.
    Returns whether this call did it."""
    return await thread.write(
        copied_store.settle,
        who=SENDER,
        reason=about_stops.FOUND_ELSEWHERE,
        about_tokens=about_stops.STALE_TOKENS,
    )


async def engine_for(
    settings: Settings,
    connection: Connection,
    store: Store,
    thread: AsyncStore,
    lease: Lease,
    *,
    only: int | None = None,
    wall: Callable[[], float] = time.time,
    on_post: OnPost = lambda _outcome, _seconds: None,
) -> "InstanceSending":
    """Starts sending for one connection's instance. Stop it with `InstanceSending.stop`. `wall` is the clock
    for late look-ups of rows that were sent long ago."""
    number = await thread.write(instance_numbers.number_for, connection.instance)
    settle_seconds = settings.settle_seconds(connection)
    await thread.write(senders.remember_settle, number, settle_seconds)
    known = await thread.read(senders.learned, number)
    time_of_day, now = time.time(), time.monotonic()
    pace = Pace(
        connection.requests_per_minute,
        learned_per_minute=known.per_minute,
        most_wait_seconds=settings.waits.retry_after_most,
        not_before=now + min(MOST_WAIT_SECONDS, max(0.0, (known.not_before or 0.0) - time_of_day)),
    )
    breaker = Breaker(settings.waits.breaker_first, settings.waits.breaker_most)
    if known.breaker is not None:
        breaker.circuit, breaker.reason, breaker.probe_at = Circuit.OPEN, known.breaker["reason"], now
    engines = 1 if only else len({one.instance for one in settings.connections.values()})
    most_at_once = open_files.places(settings.most_at_once, shared_by=engines)
    client = BulkClient(
        connection.url,
        most_at_once=most_at_once,
        connect_seconds=settings.waits.connect,
        request_timeout_seconds=connection.request_timeout_seconds,
    )
    tokens = token_source(
        connection, TokenStore(store.engine, settings.data_dir), connect_seconds=settings.waits.connect
    )
    gateway = Gateway(connection, client, tokens, pace, breaker, read_again_seconds=settings.waits.read_again)
    engine = Engine(
        thread,
        gateway,
        settings.waits,
        most_at_once=most_at_once,
        settle_seconds=settle_seconds,
        lease=lease,
        on_post=on_post,
    )
    lifecycle = Lifecycle(engine, number, settings.waits, only=only, wall=wall)
    tasks = [asyncio.create_task(engine.run()), asyncio.create_task(lifecycle.run())]
    return InstanceSending(connection, number, engine, client, tasks)


@dataclass
class InstanceSending:
    """One instance's running engine."""

    connection: Connection
    instance: int
    engine: Engine
    client: BulkClient
    tasks: list[asyncio.Task[None]]

    def raise_if_broken(self) -> None:
        """Raises what ended the engine. An end without an exception is an error too, because nobody requested
        it."""
        for task in self.tasks:
            if task.done():
                if not task.cancelled():
                    task.result()
                raise RuntimeError(f"Sending for {self.connection.name} ended unexpectedly.")

    async def stop(self) -> None:
        """Rows in flight stay SENDING in the store. The next sender looks them up."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.client.close()
