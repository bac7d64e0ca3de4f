"""The values that travel between `protocol` and the transports: a request, and what came back of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

MOST_ANSWER_BYTES = 32 * 1024 * 1024
"""Of an answer, unpacked. A page of a hundred balances with the usual metadata is a hundredth of it."""

MOST_CREATED_BYTES = 8 * 1024 * 1024
"""Of the answer to one POST, of which hundreds are under way at once. Core takes 5 MB and echoes them."""

TOO_LARGE = "Blnk's answer is larger than any that is expected of it."


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request without its credentials; `path` begins after the base URL."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    most_answer_bytes: int = MOST_ANSWER_BYTES


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete HTTP answer. `retry_after` is the header as it stood; with one, `date` is too."""

    status: int
    body: bytes
    retry_after: str | None = None
    date: str | None = None

    @classmethod
    def of(cls, status: int, body: bytes, headers: Mapping[str, str]) -> Self:
        wait = headers.get("Retry-After")
        return cls(status, body) if wait is None else cls(status, body, wait, headers.get("Date"))


@dataclass(frozen=True, slots=True)
class ConnectFailed:
    """No connection was made, so no byte of the request left this machine."""

    reason: str


@dataclass(frozen=True, slots=True)
class AnswerLost:
    """The request left, or may have; its answer did not come, or not whole."""

    reason: str


Reply = Answer | ConnectFailed | AnswerLost
