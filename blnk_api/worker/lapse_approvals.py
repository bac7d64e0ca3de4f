"""Ends requests for approval that nobody decided in time, and notifies people before that."""

import time

from blnk_api.store import Store
from blnk_api.store.approvals import ended_without_approval, requests
from blnk_api.store.approvals.requests import DAY_SECONDS, Request
from blnk_api.store.outbox import notifications
from blnk_api.store.sending.attempts import WHO
from blnk_api.wording.approval import requests as words

EVERY_SECONDS = 30
_MOST_AHEAD_SECONDS = DAY_SECONDS
_SHARE_AHEAD = 0.25
"""People are notified when this share of a request's time is left, at most a day before it lapses."""


def lapse(store: Store, *, now: float | None = None) -> None:
    """Raises OSError or SQLAlchemyError; the rest is done next time."""
    now = time.time() if now is None else now
    with store.read() as tx:
        found = requests.waiting(tx, lapse_before=now + _MOST_AHEAD_SECONDS)
    for request in found:
        if request.lapses_at <= now:
            with store.write() as tx:
                ended_without_approval.lapse(tx, request, who=WHO, reason=words.lapsed(request.days), now=now)
        elif request.lapses_at - now < _ahead_seconds(request):
            with store.write() as tx:
                if requests.mark_notified(tx, request):
                    notifications.approval_lapses(tx, request.import_, at=request.lapses_at)


def _ahead_seconds(request: Request) -> float:
    return min(_MOST_AHEAD_SECONDS, _SHARE_AHEAD * request.days * DAY_SECONDS)
