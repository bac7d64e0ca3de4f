"""The one way out to an instance: every row and every look passes its pace, its breaker and its token."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from blnk_api import errors
from blnk_api.blnk import answers, endpoints, retries
from blnk_api.blnk.auth import Token, TokenSource
from blnk_api.blnk.bulk_http import BulkClient, NotSent
from blnk_api.blnk.outcomes import BreakerEffect, NotApplied, Outcome, PaceEffect, Unknown
from blnk_api.blnk.pacing import Breaker, Circuit, Pace
from blnk_api.blnk.replies import Reply, Request
from blnk_api.settings import Connection, Waits
from blnk_api.store.async_store import wait_at_most

_LOOKS_FIRST_SHARE = 0.5
"""Of the permits of one moment that waiting looks may take; the rest is for rows."""


class Gateway:
    def __init__(
        self,
        connection: Connection,
        client: BulkClient,
        tokens: TokenSource,
        pace: Pace,
        breaker: Breaker,
        *,
        read_again_seconds: float = Waits.read_again,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.connection = connection
        self.pace = pace
        self.breaker = breaker
        self.clock = clock
        self.denied: str | None = None
        """Why the credentials do not serve, once Blnk has said so."""
        self._read_again_seconds = read_again_seconds
        self._sleep = sleep
        self.is_stopped = False
        """Someone has stopped all sending: no row leaves, though it may have been claimed before that."""
        self._client = client
        self._tokens = tokens
        self._token: Token | None = None
        self._renewing = asyncio.Lock()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._woken = asyncio.Event()

    @property
    def instance_id(self) -> str:
        return self.connection.instance.instance_id

    async def nap(self, least_seconds: float, most_seconds: float) -> None:
        """Until the next moment to open: at once when a look wants its permit, or `wake` is called."""
        if self._waiting or most_seconds <= least_seconds:
            self._woken.clear()
            await asyncio.sleep(least_seconds)
        else:
            await wait_at_most(most_seconds, self._woken)
            self._woken.clear()

    def wake(self) -> None:
        """There is something to do again."""
        self._woken.set()

    def open(self, now: float) -> int:
        """Rows that may leave now. Looks that wait for a permit go first, with half of what there is."""
        permits = self.pace.permits(now)
        for_looks = max(1, int(permits * _LOOKS_FIRST_SHARE)) if permits else 0
        while for_looks and self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(None)
                self.pace.take(1)
                permits -= 1
                for_looks -= 1
        is_shut = self.breaker.circuit is Circuit.OPEN or self.denied is not None or self.is_stopped
        return 0 if is_shut else permits

    async def ask(self, request: Request) -> Any:
        """The JSON of a read, at the instance's pace. Raises from the errors tree; it creates nothing.

        So it may be asked again: after a 429 and a renewed token once, and a few times, ever later, where
        no answer came or none that can be read. Not while the breaker is open: that knows when to ask.
        """
        failures, is_last = 0, False
        while True:
            await self._permit()
            sent_at = self.clock()
            token: Token | None = None
            try:
                token = await self.token()
                reply = await self._client.send(request, token.value)
                assert not isinstance(reply, NotSent)
                told = answers.read_json(reply, now=datetime.now(UTC))
                self.breaker.answered()
                return told
            except errors.RateLimited as busy:
                self.pace.busy(self.clock(), sent_at=sent_at, retry_after_seconds=busy.retry_after_seconds)
                if is_last:
                    raise
                is_last = True
            except errors.AccessDenied as denied:
                if is_last or denied.status != 401 or token is None:
                    raise
                is_last = True
                await self.renew(token.generation)
            except (errors.ReadFailed, errors.NotConnected) as failed:
                failures += 1
                await self._before_repeat(failed, failures, is_about_token=token is None)

    async def _before_repeat(self, failed: errors.BlnkError, failures: int, *, is_about_token: bool) -> None:
        """Waits until a read that was not answered may be asked again; raises what it came to otherwise."""
        if not retries.may_pass(failed):
            raise failed
        now = self.clock()
        self.breaker.failed(now, failed.message, is_read=True)
        wait = retries.wait_seconds(failed, failures, first_seconds=self._read_again_seconds)
        if wait is None or is_about_token or self.breaker.circuit is Circuit.OPEN:
            raise failed
        if isinstance(failed, errors.ReadFailed) and failed.retry_after_seconds is not None:
            self.pace.wait_until(now + failed.retry_after_seconds)
        await self._sleep(wait)

    async def post(
        self, body: bytes, token: Token, *, leave_before: float, may_leave: Callable[[], bool]
    ) -> Reply | NotSent:
        request = endpoints.post_balance(self.instance_id, body)
        return await self._client.send(request, token.value, leave_before=leave_before, may_leave=may_leave)

    def learn(self, outcome: Outcome, *, sent_at: float) -> bool:
        """Lets pace and breaker know what a row came to. Whether this opened or closed the breaker."""
        now, policy = self.clock(), outcome.policy
        wait = outcome.retry_after_seconds if isinstance(outcome, NotApplied | Unknown) else None
        match policy.pace:
            case PaceEffect.WENT_WELL:
                self.pace.succeeded()
            case PaceEffect.SLOWS_DOWN:
                self.pace.busy(now, sent_at=sent_at, retry_after_seconds=wait)
            case PaceEffect.WAITS_IF_ASKED if wait is not None:
                self.pace.wait(now, wait, sent_at=sent_at)
        match policy.breaker:
            case BreakerEffect.WENT_WELL:
                return self.breaker.succeeded()
            case BreakerEffect.FAILED:
                return self.breaker.failed(now, outcome.message)
        return False

    async def token(self) -> Token:
        """The current token; renewed ahead of its end, in a thread, because renewing talks to Blnk."""
        held = self._token
        if held is None or (held.expires_at is not None and time.time() >= held.expires_at):
            async with self._renewing:
                self._token = await asyncio.to_thread(self._tokens.current)
        assert self._token is not None
        return self._token

    async def renew(self, generation: int) -> None:
        """After a 401 to a token of this generation. Raises AccessDenied where there is no newer one."""
        async with self._renewing:
            if self._token is not None and self._token.generation > generation:
                return
            self._token = await asyncio.to_thread(self._tokens.newer_than, generation)

    async def _permit(self) -> None:
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        self.wake()
        await waiting
