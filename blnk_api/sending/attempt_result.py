"""What the engine does with an outcome. Pure, so that it can be read and tested apart from sending."""

from collections.abc import Mapping
from typing import NamedTuple

from blnk_api.blnk import outcomes
from blnk_api.blnk.outcomes import RowFate
from blnk_api.store.sending.attempts import Result
from blnk_api.store.states import Outcome, RowState


class ClaimedRow(NamedTuple):
    """A claimed row: SENDING is committed, and its POST may leave until `leave_before` (boottime)."""

    row: int
    n: int
    claim: str
    ref: str
    body: bytes
    leave_before: float


def taken_back(flight: ClaimedRow, why: str) -> Result:
    """The POST certainly did not leave, so the row is Not sent again."""
    return _result(flight, RowState.READY, Outcome.NOT_APPLIED, message=why)


_AFTER: Mapping[RowFate, tuple[RowState, Outcome]] = {
    RowFate.CREATED: (RowState.CREATED, Outcome.CREATED),
    RowFate.REFUSED: (RowState.REFUSED, Outcome.REFUSED),
    RowFate.NOT_SENT: (RowState.READY, Outcome.NOT_APPLIED),
    RowFate.DENIED: (RowState.READY, Outcome.STOP),
    RowFate.IN_DOUBT: (RowState.UNKNOWN, Outcome.UNKNOWN),
}
"""The row's next state, and what is stored about its attempt."""


def decide(flight: ClaimedRow, outcome: outcomes.Outcome, *, request_id: str | None = None) -> Result:
    """The row's next state. A Conflict is in doubt like a lost answer, until a look-up settles it.

    `request_id` comes from Blnk's answer, and is stored with the attempt.
    """
    to, came_to = _AFTER[outcome.policy.row]
    return _result(
        flight,
        to,
        came_to,
        outcome.status,
        outcome.message,
        balance_id=outcome.balance.balance_id if isinstance(outcome, outcomes.Created) else None,
        server_error=outcome.server_error if isinstance(outcome, outcomes.Unknown) else None,
        request_id=request_id or None,
    )


def _result(
    flight: ClaimedRow,
    to: RowState,
    outcome: Outcome,
    status: int | None = None,
    message: str | None = None,
    *,
    balance_id: str | None = None,
    server_error: int | None = None,
    request_id: str | None = None,
) -> Result:
    return Result(
        row=flight.row,
        n=flight.n,
        claim=flight.claim,
        to=to,
        outcome=outcome,
        status=status,
        # Postgres cannot store NUL in text, and Blnk's message may contain any characters.
        message=message.replace("\x00", "\ufffd") if message else None,
        balance_id=balance_id,
        server_error=server_error,
        request_id=request_id,
    )
