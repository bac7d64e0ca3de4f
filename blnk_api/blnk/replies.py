"""Requests to Blnk, and what comes back: a complete answer, or none."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from blnk_api.common.masking import masked
from blnk_api.common.quoting import shown

MOST_ANSWER_BYTES = 32 * 1024 * 1024
"""The limit for a decompressed answer. A page of a hundred balances with common metadata is a hundredth of
it."""

MOST_CREATED_BYTES = 8 * 1024 * 1024
"""The limit for the answer to one POST, of which hundreds are in progress at once. Core accepts 5 MB and
echoes them."""

TOO_LARGE = "Blnk's answer is larger than expected."


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request without its credentials. `path` is appended to the base URL."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    most_answer_bytes: int = MOST_ANSWER_BYTES


REQUEST_ID_HEADERS = ("X-Request-Id", "Request-Id", "X-Correlation-Id", "Cf-Ray")
"""The first existing header is kept. Blnk documents none, but what stands in front of it may set one."""

_MOST_ID = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete HTTP answer. `retry_after` is the unparsed header; if it is set, `date` is too.

    `secrets` are those that the request carried. No text derived from the answer may contain them.
    """

    status: int
    body: bytes
    retry_after: str | None = None
    date: str | None = None
    request_id: str = ""
    secrets: tuple[str, ...] = field(default=(), repr=False, compare=False)

    @classmethod
    def of(cls, status: int, body: bytes, headers: Mapping[str, str], secrets: tuple[str, ...] = ()) -> Self:
        wait = headers.get("Retry-After")
        date = None if wait is None else headers.get("Date")
        id = next((found for name in REQUEST_ID_HEADERS if (found := headers.get(name))), "")
        return cls(status, body, wait, date, masked(shown(id, _MOST_ID), secrets) if id else "", secrets)


@dataclass(frozen=True, slots=True)
class ConnectFailed:
    """No connection was made, so no byte of the request left this machine."""

    reason: str


@dataclass(frozen=True, slots=True)
class AnswerLost:
    """The request was sent, or may have been, but its answer did not arrive completely."""

    reason: str


Reply = Answer | ConnectFailed | AnswerLost
