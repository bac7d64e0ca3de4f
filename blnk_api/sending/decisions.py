"""What the engine does about an outcome: pure, so that it can be read and tested apart from sending."""

from typing import NamedTuple

from blnk_api.blnk import replies
from blnk_api.store.sending.attempts import Result
from blnk_api.store.states import Outcome, RowState


class Flight(NamedTuple):
    """One claimed row: SENDING is committed, and its POST may leave until `leave_before` (boottime)."""

    row: int
    n: int
    claim: str
    ref: str
    body: bytes
    leave_before: float


def taken_back(flight: Flight, why: str) -> Result:
    """The POST surely did not leave: the row is Not sent again."""
    return _result(flight, RowState.READY, Outcome.NOT_APPLIED, message=why)


def decide(flight: Flight, outcome: replies.Outcome) -> Result:
    """Where the row goes. A Conflict is in doubt like a lost answer, until a look has settled it."""
    match outcome:
        case replies.Created(balance, warnings):
            told = "; ".join(warnings) or None
            return _result(
                flight, RowState.CREATED, Outcome.CREATED, 201, told, balance_id=balance.balance_id
            )
        case replies.Refused(status, _, message):
            return _result(flight, RowState.REFUSED, Outcome.REFUSED, status, message)
        case replies.NotApplied(reason):
            return _result(flight, RowState.READY, Outcome.NOT_APPLIED, 429 if outcome.busy else None, reason)
        case replies.Stop(status, message):
            return _result(flight, RowState.READY, Outcome.STOP, status, message)
        case replies.Unknown(message, status):
            return _result(
                flight, RowState.UNKNOWN, Outcome.UNKNOWN, status, message, server_error=outcome.server_error
            )
        case replies.Conflict(message):
            return _result(flight, RowState.UNKNOWN, Outcome.UNKNOWN, 409, message)


def _result(
    flight: Flight,
    to: RowState,
    outcome: Outcome,
    status: int | None = None,
    message: str | None = None,
    *,
    balance_id: str | None = None,
    server_error: int | None = None,
) -> Result:
    return Result(
        row=flight.row,
        n=flight.n,
        claim=flight.claim,
        to=to,
        outcome=outcome,
        status=status,
        # Postgres keeps no NUL in text, and Blnk's words are not ours to trust.
        message=message.replace("\x00", "\ufffd") if message else None,
        balance_id=balance_id,
        server_error=server_error,
    )
