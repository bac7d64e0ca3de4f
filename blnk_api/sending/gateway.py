"""The only way to an instance: every row and every look-up passes its pace, its breaker and its token."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from blnk_api import errors
from blnk_api.blnk import answer_meaning, endpoints, retries
from blnk_api.blnk.auth import Token, TokenSource
from blnk_api.blnk.bulk_http import BulkClient, NotSent
from blnk_api.blnk.circuit_breaker import Breaker, Circuit
from blnk_api.blnk.outcomes import BreakerEffect, NotApplied, Outcome, PaceEffect, Unknown
from blnk_api.blnk.pacing import Pace
from blnk_api.blnk.replies import Reply, Request
from blnk_api.settings import Connection, Waits
from blnk_api.store.async_store import wait_at_most

_LOOKS_FIRST_SHARE = 0.5
"""The share of one moment's permits that waiting look-ups may take; the rest is for rows."""


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
        """Why the credentials do not work, once Blnk has said so."""
        self._read_again_seconds = read_again_seconds
        self._sleep = sleep
        self.is_stopped = False
        """Whether all sending was stopped: then no row leaves, even if it was claimed before."""
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
        """How many rows may be sent now. Waiting look-ups go first, with half of the permits."""
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
        """Returns the JSON of a read, within the instance's rate limit. Raises a BlnkError, and creates
        nothing.

        A read can be repeated: once after a 429 or a renewed token, and a few times, at growing intervals, if
        there was no readable answer. Not while the breaker is open, which has its own schedule.
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
                told = answer_meaning.read_json(reply, now=datetime.now(UTC))
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
        """Waits until an unanswered read may be repeated. Raises the error if it may not."""
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
        """Informs pace and breaker of a row's outcome. Returns whether this opened or closed the breaker."""
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
        """The current token. It is renewed before it expires, in a thread, because that calls Blnk."""
        held = self._token
        if held is None or (held.expires_at is not None and time.time() >= held.expires_at):
            async with self._renewing:
                self._token = await asyncio.to_thread(self._tokens.current)
        assert self._token is not None
        return self._token

    async def renew(self, generation: int) -> None:
        """Call after a 401 for a token of this generation. Raises AccessDenied if there is no newer one."""
        async with self._renewing:
            if self._token is not None and self._token.generation > generation:
                return
            self._token = await asyncio.to_thread(self._tokens.newer_than, generation)

    async def _permit(self) -> None:
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        self.wake()
        await waiting
