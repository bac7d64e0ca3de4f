"""Rows that were not claimed because no approval covers them: their import is paused, and says why."""

from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from blnk_api.sending.lane import Lane
from blnk_api.store import import_acts
from blnk_api.store.approvals import refused
from blnk_api.store.approvals.refused import Why
from blnk_api.store.async_store import AsyncStore
from blnk_api.store.sending import attempts
from blnk_api.store.states import PausedBy
from blnk_api.wording.approval import requests as words


class ApprovedMeanwhile(Exception):
    """Someone approved the rows since they were not claimed: they are met again."""


async def tell(
    store: AsyncStore, insist: Callable[..., Awaitable[None]], lane: Lane, row_ids: Collection[int]
) -> None:
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
        lane.sends = False
        with suppress(ApprovedMeanwhile):
            await insist(pause, lane.import_.number, row_ids)


def pause(tx: Connection, import_: int, row_ids: Collection[int]) -> None:
    """Pauses the import while no approval covers one of these rows. Raises ApprovedMeanwhile, and nothing is
    paused.

    The move comes first: what approves rows moves their import too, and waits for it, or is seen here.
    """
    if not (found := refused.unapproved(tx, row_ids)):
        raise ApprovedMeanwhile
    reason = words.not_claimed(found)
    import_acts.pause(tx, import_, by=PausedBy.APPROVAL, who=attempts.WHO, reason=reason)
    if not refused.unapproved(tx, row_ids):
        raise ApprovedMeanwhile
