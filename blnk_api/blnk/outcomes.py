"""The outcome of one POST /balances, and its consequences in one table.

`answer_meaning.classify` turns an answer into an outcome. Each outcome has a `Meaning`, and `POLICIES` says
what that meaning does to the row, the pace, the circuit breaker, the import and its count of consecutive
rejections. The gateway, the engine and `attempt_result` only apply the table.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from blnk_api.models import Balance


class Meaning(StrEnum):
    CREATED = "created"
    """200 or 201 with the requested balance."""
    REFUSED = "refused"
    """400 or 422 with Blnk's own error: it read this row and rejected it."""
    CONFLICT = "conflict"
    """409: Blnk says that it already exists. A look-up decides whether that is our balance."""
    BUSY = "busy"
    """429."""
    NOT_CONNECTED = "not connected"
    """No byte of the request left this machine."""
    DENIED = "denied"
    """401 or 403: the credentials, so all other rows would fail too."""
    NO_ANSWER = "no answer"
    """A timeout, a broken connection, 408 or any 5xx: possibly after Blnk's commit."""
    UNREADABLE = "unreadable"
    """200 or 201 with another balance, or with something else, such as a gateway's page."""
    UNEXPECTED = "unexpected"
    """Any other 4xx, any 3xx, or a 400 or 422 not from Blnk: a person should read it first."""
    UNEXPECTED_SUCCESS = "unexpected success"
    """Any other 2xx: both UNREADABLE and UNEXPECTED."""


class RowFate(StrEnum):
    CREATED = "created"
    REFUSED = "refused"
    NOT_SENT = "not sent"
    """Certainly not created, and not because of the row: it is sent again."""
    DENIED = "denied"
    """Like NOT_SENT. A 401 renews the token once; if that does not help, the connection stops."""
    IN_DOUBT = "in doubt"
    """A balance may exist: never sent again before Blnk was checked."""


class PaceEffect(StrEnum):
    NONE = "none"
    WENT_WELL = "went well"
    SLOWS_DOWN = "slows down"
    """Slows down, and sends nothing before the time that Blnk asked for."""
    WAITS_IF_ASKED = "waits if asked"
    """Sends nothing before the time that Blnk asked for (503). Without one, nothing changes."""


class BreakerEffect(StrEnum):
    NONE = "none"
    WENT_WELL = "went well"
    """Ends a series of failures. If it is the row that was sent as a test, the breaker closes."""
    FAILED = "failed"
    """Enough of these in a row, and no more rows are sent until Blnk is back."""


class PauseEffect(StrEnum):
    NONE = "none"
    ALWAYS = "always"
    FIRST_ROW = "first row"
    """If it is the import's first row, which is sent alone to reveal mistakes in the whole file."""


class RefusalsEffect(StrEnum):
    NONE = "none"
    RESET = "reset"
    COUNT = "count"
    """Twenty in a row pause the import."""


class Policy(NamedTuple):
    """The effects of an outcome; see the enum of each."""

    row: RowFate
    pace: PaceEffect = PaceEffect.NONE
    breaker: BreakerEffect = BreakerEffect.NONE
    pause: PauseEffect = PauseEffect.NONE
    refusals: RefusalsEffect = RefusalsEffect.NONE


POLICIES: Mapping[Meaning, Policy] = {
    Meaning.CREATED: Policy(
        RowFate.CREATED, PaceEffect.WENT_WELL, BreakerEffect.WENT_WELL, refusals=RefusalsEffect.RESET
    ),
    Meaning.REFUSED: Policy(
        RowFate.REFUSED, PaceEffect.WENT_WELL, BreakerEffect.WENT_WELL, refusals=RefusalsEffect.COUNT
    ),
    Meaning.CONFLICT: Policy(RowFate.IN_DOUBT),
    Meaning.BUSY: Policy(RowFate.NOT_SENT, PaceEffect.SLOWS_DOWN),
    Meaning.NOT_CONNECTED: Policy(RowFate.NOT_SENT, breaker=BreakerEffect.FAILED),
    Meaning.DENIED: Policy(RowFate.DENIED),
    Meaning.NO_ANSWER: Policy(RowFate.IN_DOUBT, PaceEffect.WAITS_IF_ASKED, BreakerEffect.FAILED),
    Meaning.UNREADABLE: Policy(RowFate.IN_DOUBT, breaker=BreakerEffect.FAILED, pause=PauseEffect.FIRST_ROW),
    Meaning.UNEXPECTED: Policy(RowFate.IN_DOUBT, pause=PauseEffect.ALWAYS),
    Meaning.UNEXPECTED_SUCCESS: Policy(
        RowFate.IN_DOUBT, breaker=BreakerEffect.FAILED, pause=PauseEffect.ALWAYS
    ),
}


class _Came:
    """What all outcomes have in common, so that code that applies a policy need not know the outcome."""

    __slots__ = ()
    meaning: Meaning
    message: str
    """A message for people, or "" if there is nothing to say."""
    status: int | None
    """The HTTP status, if Blnk answered."""

    @property
    def policy(self) -> Policy:
        return POLICIES[self.meaning]


@dataclass(frozen=True, slots=True)
class Created(_Came):
    balance: Balance
    warnings: tuple[str, ...] = ()
    """Fields that differ from the request, one clause each."""
    meaning: Meaning = field(default=Meaning.CREATED, init=False)
    status: int = field(default=201, init=False)

    @property
    def message(self) -> str:  # type: ignore[override]
        return "; ".join(self.warnings)


@dataclass(frozen=True, slots=True)
class Refused(_Came):
    """Nothing was created. `code` is Blnk's own."""

    status: int
    code: str
    message: str
    meaning: Meaning = field(default=Meaning.REFUSED, init=False)


@dataclass(frozen=True, slots=True)
class Conflict(_Came):
    message: str
    status: int = field(default=409, init=False)
    meaning: Meaning = field(default=Meaning.CONFLICT, init=False)


@dataclass(frozen=True, slots=True)
class NotApplied(_Came):
    """Nothing was created: no connection was made, or, with `Meaning.BUSY`, Blnk asked to slow down."""

    message: str
    meaning: Meaning = Meaning.NOT_CONNECTED
    status: int | None = None
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Stop(_Came):
    """Nothing was created, because of the credentials."""

    status: int
    message: str
    meaning: Meaning = field(default=Meaning.DENIED, init=False)


@dataclass(frozen=True, slots=True)
class Unknown(_Came):
    """A balance may have been created. `server_error` is the status of a complete 5xx answer with Blnk's own
    error."""

    message: str
    status: int | None = None
    meaning: Meaning = Meaning.NO_ANSWER
    server_error: int | None = None
    retry_after_seconds: float | None = None


Outcome = Created | Refused | Conflict | NotApplied | Stop | Unknown
