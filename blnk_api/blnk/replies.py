"""The values that `wire` speaks in: a request, a reply, and what one POST came to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from blnk_api.models import Balance

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


@dataclass(frozen=True, slots=True)
class Created:
    balance: Balance
    warnings: tuple[str, ...] = ()
    """Fields that came back otherwise than sent, in words."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Blnk read the request and said no; nothing was created."""

    status: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """Blnk says that it exists already (409). Whether ours is the one is for a look to say."""

    message: str


@dataclass(frozen=True, slots=True)
class NotApplied:
    """Surely not carried out, and not the row's fault: it goes again. `busy`: Blnk asked to slow down."""

    reason: str
    busy: bool = False
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """The credentials: nothing was created, and no other row would fare better."""

    status: int
    message: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A balance may have been created. `server_error` is the status of a complete 5xx answer in Blnk's
    own words; `pauses` says that a person should read this before more rows go."""

    message: str
    status: int | None = None
    server_error: int | None = None
    pauses: bool = False
    retry_after_seconds: float | None = None


Outcome = Created | Refused | Conflict | NotApplied | Stop | Unknown
