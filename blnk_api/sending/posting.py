"""Sends the POST of one claimed row, and does what its answer requires of the import and the instance.

Each call posts at most once, and only while the claim is fresh. `attempt_result.decide` says what becomes of
the row.
"""

from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

from blnk_api import errors
from blnk_api.blnk import answer_meaning
from blnk_api.blnk.auth import Token
from blnk_api.blnk.bulk_http import NotSent
from blnk_api.blnk.outcomes import Created, Outcome, PauseEffect, RefusalsEffect, RowFate
from blnk_api.blnk.replies import Answer
from blnk_api.sending import attempt_result
from blnk_api.sending.attempt_result import ClaimedRow
from blnk_api.sending.gateway import Gateway
from blnk_api.sending.import_being_sent import Lane
from blnk_api.sending.in_doubt.absence import Resolver, Witness
from blnk_api.sending.other_desks import believable
from blnk_api.sending.preflight import Preflight
from blnk_api.store.sending import attempts
from blnk_api.store.sending.attempts import Result
from blnk_api.store.sending.leases import Lease
from blnk_api.store.states import Outcome as Attempted
from blnk_api.store.states import PausedBy, Ramp, RowState

OnPost = Callable[[Attempted, float], None]
"""Called with the outcome of each request that was sent, and its duration in seconds."""


class Poster:
    """For one engine. `insist` writes to the store until it accepts it, `start` runs a task beside this."""

    def __init__(
        self,
        gateway: Gateway,
        resolver: Resolver,
        preflight: Preflight,
        lease: Lease,
        *,
        insist: Callable[..., Awaitable[None]],
        start: Callable[[Coroutine[Any, Any, None]], None],
        on_post: OnPost,
    ) -> None:
        self._gateway = gateway
        self._resolver = resolver
        self._preflight = preflight
        self._lease = lease
        self._insist = insist
        self._start = start
        self._on_post = on_post

    async def post(self, lane: Lane, claimed: ClaimedRow) -> Result:
        """The result of one attempt. Never raises because of Blnk, its answer or the connection to it."""
        try:
            token = await self._gateway.token()
        except errors.BlnkError as problem:
            if isinstance(problem, errors.AccessDenied):
                self._gateway.denied = problem.message
            else:
                self._gateway.breaker.failed(self._gateway.clock(), problem.message)
            return attempt_result.taken_back(claimed, problem.message)
        left_at = self._gateway.clock()
        lane.sent.append(claimed.ref)
        reply = await self._gateway.post(
            claimed.body, token, leave_before=claimed.leave_before, may_leave=self._may_leave
        )
        if isinstance(reply, NotSent):
            may_leave = self._may_leave()
            why = "The row was not sent in time." if may_leave else "Sending stopped before the row was sent."
            return attempt_result.taken_back(claimed, why)
        outcome = answer_meaning.classify(reply, claimed.body, now=datetime.now(UTC))
        self._gateway.learn(outcome, sent_at=left_at)
        if isinstance(outcome, Created):
            self._created(lane, claimed.ref, outcome.balance.created_at, left_at)
        match outcome.policy.refusals:
            case RefusalsEffect.RESET:
                lane.refusals_in_a_row = 0
            case RefusalsEffect.COUNT:
                lane.refusals_in_a_row += 1
        if outcome.policy.row is RowFate.DENIED:
            await self._denied(token, outcome)
        await self._pause_for(lane, outcome)
        request_id = reply.request_id if isinstance(reply, Answer) else None
        result = attempt_result.decide(claimed, outcome, request_id=request_id)
        self._on_post(result.outcome, self._gateway.clock() - left_at)
        if result.to is RowState.UNKNOWN:
            self._resolver.became_unknown(claimed.row, self._gateway.clock())
        return result

    def _may_leave(self) -> bool:
        """Called for each row at the moment when it is written to the connection."""
        return self._lease.is_held() and not self._gateway.is_stopped

    def _created(self, lane: Lane, ref: str, created_at: str, left_at: float) -> None:
        self._resolver.created(Witness(ref, left_at))
        lane.made.append(ref)
        lane.since = lane.since or believable(created_at)
        if lane.created_from is None:
            lane.created_from = created_at
            self._start(self._remember_first(lane, created_at))
        if lane.ramp is Ramp.CANARY and not lane.is_confirming_canary:
            lane.is_confirming_canary = True
            self._start(self._preflight.confirm_canary(lane, ref))

    async def _remember_first(self, lane: Lane, created_at: str) -> None:
        await self._insist(attempts.remember_first, lane.import_.number, created_at)

    async def _pause_for(self, lane: Lane, outcome: Outcome) -> None:
        match outcome.policy.pause:
            case PauseEffect.ALWAYS:
                told = f"{outcome.message} It is not yet known whether the balance was created."
                await self._preflight.pause(lane, PausedBy.ANSWER, told)
            case PauseEffect.FIRST_ROW if lane.ramp is Ramp.CANARY:
                told = f"The first balance is not as it was requested. {outcome.message}"
                await self._preflight.pause(lane, PausedBy.CANARY, told)

    async def _denied(self, token: Token, outcome: Outcome) -> None:
        """A 401 renews the token once. A failed renewal, or any 403, stops the instance."""
        message = outcome.message
        if outcome.status == 401:
            try:
                await self._gateway.renew(token.generation)
                return
            except errors.AccessDenied as denied:
                message = denied.message
            except errors.BlnkError as problem:
                self._gateway.breaker.failed(self._gateway.clock(), problem.message)
                return
        self._gateway.denied = message
