"""Pauses an import, with the reason, if no approval covers some of its rows."""

from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from blnk_api.sending.import_being_sent import Lane
from blnk_api.store import import_acts
from blnk_api.store.approvals import why_not_claimed
from blnk_api.store.approvals.why_not_claimed import Why
from blnk_api.store.async_store import AsyncStore
from blnk_api.store.sending import attempts
from blnk_api.store.states import PausedBy
from blnk_api.wording.approval import requests as words


class ApprovedMeanwhile(Exception):
    """Someone approved the rows after they were not claimed: they are read again."""


async def tell(
    store: AsyncStore, insist: Callable[..., Awaitable[None]], lane: Lane, row_ids: Collection[int]
) -> None:
    """Pauses at once if an approval ended, or a row differs from what was approved. A row that was changed
    since, in an approved import, waits until nothing else is left: the others are sent meanwhile."""
    try:
        found = await store.read(why_not_claimed.unapproved, row_ids)
    except (SQLAlchemyError, OSError):
        return  # they were not claimed, and are read again
    if not found:
        return
    is_pressing = not lane.import_.needs_approval or any(one.why is not Why.NEVER_APPROVED for one in found)
    if is_pressing or not (lane.ready or lane.out):
        lane.sends = False
        with suppress(ApprovedMeanwhile):
            await insist(pause, lane.import_.number, row_ids)


def pause(tx: Connection, import_: int, row_ids: Collection[int]) -> None:
    """Pauses the import while no approval covers one of these rows. Raises ApprovedMeanwhile instead if one
    does.

    The move comes first: approving rows moves their import too, and either waits for this or is seen here.
    """
    if not (found := why_not_claimed.unapproved(tx, row_ids)):
        raise ApprovedMeanwhile
    reason = words.not_claimed(found)
    import_acts.pause(tx, import_, by=PausedBy.APPROVAL, who=attempts.WHO, reason=reason)
    if not why_not_claimed.unapproved(tx, row_ids):
        raise ApprovedMeanwhile
