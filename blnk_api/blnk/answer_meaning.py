"""Interprets Blnk's answers; no other module does. Pure: no I/O, no clock.

`classify` turns the result of one POST /balances into an Outcome. It never raises, and what it cannot read is
Unknown: only a failure to connect, a 401, a 403, a 429 and Blnk's own 400 or 422 prove that nothing was
created. Any other failure may have happened after Blnk's commit. Every client that uses this module has
redirects and transport retries turned off, so that one request is one POST.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, assert_never

import orjson
from pydantic import ValidationError
from pydantic_core import from_json

from blnk_api import errors
from blnk_api.blnk.outcomes import (
    Conflict,
    Created,
    Meaning,
    NotApplied,
    Outcome,
    Refused,
    Stop,
    Unknown,
)
from blnk_api.blnk.replies import (
    Answer,
    AnswerLost,
    ConnectFailed,
    Reply,
)
from blnk_api.common.masking import masked, masked_document
from blnk_api.common.quoting import shown
from blnk_api.models import IMPORT_ID, IMPORT_REF, Balance

MOST_WORDS = 1_000
"""How many characters of an error text from Blnk are kept and shown."""

_MOST_READ = 64 * 1024
"""How many bytes of an answer are searched for secrets before its first characters are kept."""

MOST_NAME = 100
"""The maximum length of a code or a constraint's name."""

MOST_VALUE = 200
"""The maximum length of a field value that differs from the request."""


@dataclass(frozen=True, slots=True)
class BlnkSays:
    """A parsed error answer from Blnk: `error` or `errors`, and from 0.15 on `error_detail`."""

    message: str
    code: str = ""
    constraint: str = ""
    is_blnk_error: bool = True


def classify(reply: Reply, sent: bytes, *, now: datetime) -> Outcome:
    """The outcome of one POST /balances with the body `sent`. Never raises.

    `now` turns a Retry-After date into seconds. The table is in docs/architecture.md; the error formats are
    those in tests/contract.
    """
    match reply:
        case ConnectFailed(reason):
            return NotApplied(reason)
        case AnswerLost(reason):
            return Unknown(reason)
        case Answer():
            return _classify_answer(reply, sent, now)
        case _:
            assert_never(reply)


def _classify_answer(answer: Answer, sent: bytes, now: datetime) -> Outcome:
    status = answer.status
    if status in (200, 201):
        return _read_created(answer, sent)
    error = read_error(answer)
    wait = retry_after_seconds(answer, now)
    if status in (400, 422) and error.is_blnk_error:
        return Refused(status, error.code, explain(error))
    if status == 409:
        return Conflict(error.message or "Blnk says that this balance already exists.")
    if status == 429:
        return NotApplied(
            "Blnk asked Balance Desk to slow down.", Meaning.BUSY, status, retry_after_seconds=wait
        )
    if status in (401, 403):
        return Stop(status, error.message or f"Blnk answered {status} without giving a reason.")
    message = f"Blnk answered {status}: {error.message or 'no readable message'}"
    if status >= 500 or status == 408:
        complete = status if error.is_blnk_error and status >= 500 else None
        return Unknown(
            message, status, server_error=complete, retry_after_seconds=wait if status == 503 else None
        )
    return Unknown(message, status, Meaning.UNEXPECTED if status >= 300 else Meaning.UNEXPECTED_SUCCESS)


def _read_created(answer: Answer, sent: bytes) -> Created | Unknown:
    try:
        balance = Balance.model_validate_json(answer.body)
    except ValidationError:
        message = f"Blnk answered {answer.status}, but the answer is not a readable balance."
        return Unknown(message, answer.status, Meaning.UNREADABLE)
    request = orjson.loads(sent)
    ref = (request.get("meta_data") or {}).get(IMPORT_REF)
    if ref is not None and balance.import_ref != ref:
        message = "Blnk's answer is about a different balance from the one requested."
        return Unknown(message, answer.status, Meaning.UNREADABLE)
    return Created(balance, tuple(differences(request, balance)))


FILTERS_DO_NOT_SAY = frozenset({"track_fund_lineage", "allocation_strategy"})
"""Core's filters always return false for the first and omit the second (tests/contract)."""


# Any: metadata may hold JSON of any kind.
def differences(request: Mapping[str, Any], balance: Balance, *, unsaid: Collection[str] = ()) -> list[str]:
    """How a balance differs from its request, one clause for each field. Our own metadata is not compared.

    `unsaid` are fields that this kind of answer does not contain.
    """
    found = []
    for name, default in _PLAIN_FIELDS:
        if name not in request or name in unsaid:
            continue
        got = getattr(balance, name)
        if got != request[name] and not (
            name == "allocation_strategy" and _same_strategy(request[name], got)
        ):
            found.append(f"{name} is {_value(got) if got not in (None, '', False) else default} in Blnk")
    for name, value in (request.get("meta_data") or {}).items():
        if name in (IMPORT_REF, IMPORT_ID):
            continue
        if name not in balance.meta_data:
            found.append(f"{name} is missing in Blnk")
        elif balance.meta_data[name] != value:
            found.append(f"{name} is {_value(balance.meta_data[name])} in Blnk")
    return found


def _value(got: Any) -> str:
    return f"“{shown(str(got), MOST_VALUE)}”"


def _same_strategy(sent: str, got: str | None) -> bool:
    """Core trims it and converts it to capitals (tests/contract, "create a balance with fund lineage")."""
    return got is None or got == sent.strip().upper()


_PLAIN_FIELDS = (
    ("ledger_id", "empty"),
    ("currency", "empty"),
    ("identity_id", "empty"),
    ("indicator", "empty"),
    ("track_fund_lineage", "off"),
    ("allocation_strategy", "empty"),
)


def read_error(answer: Answer) -> BlnkSays:
    """Parses an error answer. An answer that is not Blnk's JSON error contains no text worth showing."""
    try:
        parsed = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return BlnkSays("", is_blnk_error=False)
    if not isinstance(parsed, dict):
        return BlnkSays("", is_blnk_error=False)
    detail = parsed.get("error_detail")
    detail = detail if isinstance(detail, dict) else {}
    message = parsed.get("error") or parsed.get("errors") or detail.get("message")
    if not isinstance(message, str):
        return BlnkSays("", is_blnk_error=False)
    details = detail.get("details")
    constraint = details.get("Constraint", "") if isinstance(details, dict) else ""

    def fit(text: Any, limit: int) -> str:
        return shown(masked(str(text or ""), answer.secrets), limit)

    return BlnkSays(fit(message, MOST_WORDS), fit(detail.get("code"), MOST_NAME), fit(constraint, MOST_NAME))


def support(answer: Answer, error: BlnkSays | None = None) -> errors.Support:
    """The details of an answer that its error keeps, without secrets."""
    read = read_error(answer) if error is None else error
    text = answer.body[:_MOST_READ].decode("utf-8", "replace")
    kept = masked_document(text, answer.secrets)
    if len(answer.body) > _MOST_READ:
        # Removes what is left of a secret that was cut in two.
        kept = kept[: -max(map(len, answer.secrets), default=0) or None]
    return {
        "status": answer.status,
        "code": read.code,
        "request_id": answer.request_id,
        "answer": shown(kept, MOST_WORDS),
    }


_CONSTRAINTS = {
    "balances_ledger_id_fkey": "This ledger does not exist in Blnk.",
    "balances_identity_id_fkey": "This identity does not exist in Blnk.",
}


def explain(error: BlnkSays) -> str:
    """Blnk's message, made precise: it also says "Invalid ledger ID" about a wrong identity
    (tests/contract)."""
    exact = _CONSTRAINTS.get(error.constraint)
    return f"{exact} (Blnk: {error.message})" if exact else error.message


def retry_after_seconds(answer: Answer, now: datetime) -> float | None:
    """Seconds to wait, from a Retry-After in seconds or as a date. None if it is absent or unreadable.

    A date is compared with the time in the answer itself, because our clock may be wrong, or with `now` if
    the answer has none.
    """
    header = answer.retry_after
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header) if len(header) < 10 else None
    until = http_date(header)
    return None if until is None else max(0.0, (until - (http_date(answer.date) or now)).total_seconds())


def http_date(header: str | None) -> datetime | None:
    """The time in a header, or None if it has no time or no time zone."""
    try:
        moment = None if header is None else parsedate_to_datetime(header)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return moment if moment is not None and moment.tzinfo is not None else None


def read_json(reply: Reply, *, now: datetime) -> Any:
    """The JSON of a successful read. Raises the error that fits any other answer."""
    match reply:
        case ConnectFailed(reason):
            raise errors.NotConnected(reason)
        case AnswerLost(reason):
            raise errors.ReadFailed(reason)
        case Answer(status=200) as answer:
            try:
                # Not orjson: it turns amounts beyond 64 bits into floats.
                return from_json(answer.body, allow_inf_nan=False)
            except ValueError:
                raise errors.ReadFailed("Blnk's answer is not readable.", **support(answer)) from None
        case Answer(status=status) as answer:
            error = read_error(answer)
            message, kept = error.message or f"Blnk answered {status}.", support(answer, error)
            wait = retry_after_seconds(answer, now)
            if status in (401, 403):
                raise errors.AccessDenied(message, **kept)
            if status == 404:
                raise errors.NotFound(message, **kept)
            if status == 429:
                raise errors.RateLimited(message, retry_after_seconds=wait, **kept)
            raise errors.ReadFailed(message, retry_after_seconds=wait if status == 503 else None, **kept)
        case _:
            assert_never(reply)


# Answers are JSON of any kind: checked here, and parsed into models by the caller.
def read_rows(answer: object) -> list[dict[str, Any]]:
    """The rows of a list or filter answer: `{"data": […]}`, a bare list, or null for none.

    Raises ReadFailed for anything else, so that it is never mistaken for absence.
    """
    rows = answer["data"] if isinstance(answer, dict) and "data" in answer else answer
    if rows is None:
        return []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise errors.ReadFailed("Blnk's answer has an unexpected shape.")
    return rows


def read_total(answer: object) -> int | None:
    """The total number, if a list answer contains it."""
    total = answer.get("total") if isinstance(answer, dict) else None
    return total if isinstance(total, int) and not isinstance(total, bool) else None


def read_one(answer: object) -> dict[str, Any]:
    """The object that was requested by id, bare or inside `data`. Raises ReadFailed for anything else."""
    found = answer["data"] if isinstance(answer, dict) and "data" in answer else answer
    if isinstance(found, list) and len(found) == 1:
        found = found[0]
    if not isinstance(found, dict):
        raise errors.ReadFailed("Blnk's answer has an unexpected shape.")
    return found
