"""Rows that were not claimed because no approval covers them: their import is paused, and says why."""

from collections.abc import Collection

from sqlalchemy.exc import SQLAlchemyError

from blnk_api.sending.lane import Lane
from blnk_api.sending.preflight import Preflight
from blnk_api.store.approvals import refused
from blnk_api.store.approvals.refused import Why
from blnk_api.store.async_store import AsyncStore
from blnk_api.store.states import PausedBy
from blnk_api.wording.approval import requests as words


async def tell(store: AsyncStore, preflight: Preflight, lane: Lane, row_ids: Collection[int]) -> None:
    """At once where an approval ended, or a row is not what was approved. A row that was changed since, of an
    import that is approved, waits until nothing else is left: the others are sent meanwhile."""
    try:
        found = await store.read(refused.unapproved, row_ids)
    except (SQLAlchemyError, OSError):
        return  # they were not claimed, and are met again
    if not found:
        return
    is_pressing = not lane.import_.needs_approval or any(one.why is not Why.NEVER_APPROVED for one in found)
    if is_pressing or not (lane.ready or lane.out):
        await preflight.pause(lane, PausedBy.APPROVAL, words.not_claimed(found))
