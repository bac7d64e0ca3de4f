"""Detects that another desk creates balances of the same rows in the same instance, and stops early.

If two desks start at the same moment, second balances cannot be prevented completely: each looks, finds
nothing, and sends. But what either of them sees afterwards is judged here: balances of the rows that were
just sent, and the newest ones of all. Balances from before this process sent its first row prove nothing: a
lost database leaves such balances behind.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from blnk_api.blnk import endpoints
from blnk_api.blnk.endpoints import Filter
from blnk_api.errors import AccessDenied, BlnkError, ReadFailed
from blnk_api.lookup.looker import CARRIES_A_REF, Looker, bound_of, parse_time, sortable
from blnk_api.models import Balance
from blnk_api.sending.gateway import Gateway
from blnk_api.sending.import_being_sent import Lane
from blnk_api.store import import_acts, import_changes
from blnk_api.store.async_store import AsyncStore
from blnk_api.store.sending.attempts import WHO
from blnk_api.store.sending.foreign_balances import ForeignBalance, name_twins, strangers
from blnk_api.store.states import WORDS, PausedBy, Ramp, RowState

LEAST_SECONDS = 5.0
_SHARE = 0.02
"""The share of the connection's requests that this may take while rows are sent."""
_NOT_ASKED_LIKE_THIS = (400, 404, 422)
"""An instance that rejects this request: the rows that were sent are still looked up."""
_IDLE_SECONDS = 2.0
_DRAIN_SECONDS = 0.05
_TOLD = 6
_FIRST_YEAR = 2020
"""Before Blnk existed."""


@dataclass(frozen=True)
class Sight:
    """What Blnk shows after the first rows were sent: which of their refs, and all balances, each once."""

    refs: set[str]
    balances: list[Balance]


class OtherDesks:
    """For one engine. `start` runs a task in addition to its ticks; `insist` writes until the store accepts
    it."""

    def __init__(
        self,
        store: AsyncStore,
        gateway: Gateway,
        looker: Looker,
        *,
        insist: Callable[..., Awaitable[None]],
        start: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._store = store
        self._gate = gateway
        self._looker = looker
        self._insist = insist
        self._start = start
        self._looked_at = 0.0

    async def run(self, lanes: Mapping[int, Lane], every_seconds: float) -> None:
        """Runs until canceled, and checks from time to time while rows are sent."""
        while True:
            await asyncio.sleep(every_seconds if lanes else _IDLE_SECONDS)
            try:
                await self.now_and_then(list(lanes.values()))
            except AccessDenied as denied:
                if denied.status == 403:
                    return  # these credentials may not read
            except (BlnkError, SQLAlchemyError, OSError):
                pass  # it will be repeated

    async def newest(self, lanes: Iterable[Lane]) -> bool:
        """Checks the newest balances. Returns False if one of these imports was paused because of them.
        Raises a BlnkError."""
        known = [lane for lane in lanes if lane.since is not None]
        balances = await self._newest_since(known)
        judged = [await self.judge(lane, balances) for lane in known]
        return all(judged)

    async def _newest_since(self, known: Sequence[Lane]) -> list[Balance]:
        if not known:
            return []
        bound = min(f"{parse_time(lane.since or ''):%Y-%m-%dT%H:%M:%SZ}" for lane in known)
        filters = [CARRIES_A_REF, Filter("created_at", "gte", bound)]
        asked = endpoints.search(
            self._looker.instance_id, "balances", filters, sort_by="created_at", sort_order="desc"
        )
        try:
            return await self._looker.balances(asked)
        except ReadFailed as failed:
            if failed.status not in _NOT_ASKED_LIKE_THIS:
                raise
            return []

    async def look(self, lane: Lane, *, newest: bool) -> Sight:
        """The rows that this process sent last, and with `newest` the newest balances of all, asked for at
        the same time. Raises from the errors tree."""
        known = [lane] if newest and lane.since is not None else []
        found, others = await asyncio.gather(self._find_sent(lane), self._newest_since(known))
        shown = [*(one for each in found.values() for one in each), *others]
        # Both lists may show a balance: of a row that was sent once, it would count as one too many.
        return Sight(set(found), list({one.balance_id: one for one in shown}.values()))

    async def _find_sent(self, lane: Lane) -> dict[str, list[Balance]]:
        if not lane.sent:
            return {}  # an empty list would match everything
        return await self._looker.find_together(list(lane.sent), created_from=bound_of(lane.created_from))

    async def now_and_then(self, lanes: Sequence[Lane]) -> None:
        """Checks the newest balances while rows are sent, every few seconds, and less often at a low pace."""
        now = self._gate.clock()
        every = max(LEAST_SECONDS, 60 / (_SHARE * self._gate.connection.requests_per_minute))
        sending = [lane for lane in lanes if lane.sends and lane.ramp is Ramp.ALL]
        if sending and now - self._looked_at >= every:
            self._looked_at = now
            await self.newest(sending)

    async def judge(self, lane: Lane, balances: Sequence[Balance]) -> bool:
        """Returns False, and pauses the import, if these balances show that another desk is creating its
        rows."""
        since = sortable(lane.since) if lane.since is not None else None
        telling = [
            one
            for one in balances
            if one.import_ref in lane.sent or (since is not None and sortable(one.created_at) > since)
        ]
        if not telling or not lane.sends:
            return True
        number, id, stops = lane.import_.number, lane.import_.id, lane.stops
        met = await self._store.read(strangers, number, id, telling)
        if not met:
            return True
        if lane.stops != stops:
            return False  # another look met them first, and a person may have resumed the import since
        lane.sends, lane.restarts = False, True
        lane.forget_looks()
        await self._insist(_pause, number, reason=reason(met))
        self._start(self._restart(lane))
        return False

    async def _restart(self, lane: Lane) -> None:
        """Names every row that has two balances by now, once all rows on their way have an outcome. If the
        import is resumed, it starts with one row again."""
        while True:
            if not lane.out:
                break
            await asyncio.sleep(_DRAIN_SECONDS)
        number, found = lane.import_.number, {}
        with suppress(BlnkError):  # verification names them too
            found = await self._find_sent(lane)
        lane.forget_sent()
        lane.ramp = Ramp.CANARY
        if found:
            await self._insist(name_twins, number, found)
        lane.restarts = False


def _pause(tx: Connection, number: int, *, reason: str) -> None:
    """Pauses the import. Whichever process sends it once it is resumed starts with one row again."""
    import_acts.pause(tx, number, by=PausedBy.DESK, who=WHO, reason=reason)
    import_changes.set_facts(tx, number, ramp=int(Ramp.CANARY))


def reason(met: Sequence[ForeignBalance]) -> str:
    """Why the import is paused, and what a person can do."""
    told = [
        f"row {one.label} has {one.balance_id}, which was not created here"
        + (f", besides {one.ours}, which was" if one.ours else "")
        for one in met[:_TOLD]
    ]
    more = f"; and {len(met) - _TOLD:,} more" if len(met) > _TOLD else ""
    return (
        f"Another Balance Desk seems to be creating the same rows in Blnk: {'; '.join(told)}{more}. Nothing "
        "more is sent from this one. Find out who else is importing these rows. Resume when the "
        f"other import has finished or been canceled: rows that it created become {WORDS[RowState.EXISTS]}."
    )


def believable(created_at: str) -> str | None:
    """Blnk's time of a balance that was just created, or None if it is not a time, or implausible."""
    try:
        return created_at if parse_time(created_at).year >= _FIRST_YEAR else None
    except (ValueError, OverflowError):
        return None
