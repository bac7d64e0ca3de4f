"""The outcome of one POST /balances, and what it means for everything else, in one table.

`answers.classify` makes an outcome of an answer. Each outcome has a `Meaning`, and `POLICIES` says what that
meaning does to the row, the pace, the circuit breaker, the import and its count of rejections in a row. The
gateway, the engine and `decisions` only carry out what the table says.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from blnk_api.models import Balance


class Meaning(StrEnum):
    CREATED = "created"
    """200 or 201: the balance that was asked for, read back."""
    REFUSED = "refused"
    """400 or 422 in Blnk's own words: it read this row and said no."""
    CONFLICT = "conflict"
    """409: Blnk says that it exists already. Whether ours is the one is for a look to say."""
    BUSY = "busy"
    """429."""
    NOT_CONNECTED = "not connected"
    """No byte of the request left this machine."""
    DENIED = "denied"
    """401 or 403: the credentials, and no other row would fare better."""
    NO_ANSWER = "no answer"
    """A timeout, a connection that broke, 408 or any 5xx: it may have come after Blnk's commit."""
    UNREADABLE = "unreadable"
    """200 or 201 with another balance, or with nothing that reads as one: some gateway's page."""
    UNEXPECTED = "unexpected"
    """Any other 4xx, any 3xx, a 400 or 422 that is not Blnk's: a person should read it first."""
    UNEXPECTED_SUCCESS = "unexpected success"
    """Any other 2xx: both of the two above."""


class RowFate(StrEnum):
    CREATED = "created"
    REFUSED = "refused"
    NOT_SENT = "not sent"
    """Surely not carried out, and not the row's fault: it goes again."""
    DENIED = "denied"
    """Like NOT_SENT; a 401 renews the token once, and what that does not help stops the connection."""
    IN_DOUBT = "in doubt"
    """A balance may exist: never sent again before Blnk was looked at."""


class PaceEffect(StrEnum):
    NONE = "none"
    WENT_WELL = "went well"
    SLOWS_DOWN = "slows down"
    """Fewer leave from now on, and none before the time that Blnk asked for."""
    WAITS_IF_ASKED = "waits if asked"
    """None leaves before the time that Blnk asked for (503); without one nothing changes."""


class BreakerEffect(StrEnum):
    NONE = "none"
    WENT_WELL = "went well"
    """Failures before it are not in a row with later ones; the row that was tried alone closes it."""
    FAILED = "failed"
    """Enough of these in a row, and no more rows leave until Blnk is back."""


class PauseEffect(StrEnum):
    NONE = "none"
    ALWAYS = "always"
    FIRST_ROW = "first row"
    """If it is the import's first row, which goes alone to show mistakes in the whole file."""


class RefusalsEffect(StrEnum):
    NONE = "none"
    RESET = "reset"
    COUNT = "count"
    """Twenty in a row pause the import."""


class Policy(NamedTuple):
    """What an outcome does; each effect is told by the enum it is of."""

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
    """What every outcome tells, so that whoever carries its policy out need not know which one it is."""

    __slots__ = ()
    meaning: Meaning
    message: str
    """In words for a person; empty where there is nothing to say."""
    status: int | None
    """Blnk's, where it answered."""

    @property
    def policy(self) -> Policy:
        return POLICIES[self.meaning]


@dataclass(frozen=True, slots=True)
class Created(_Came):
    balance: Balance
    warnings: tuple[str, ...] = ()
    """Fields that differ from the request, as clauses."""
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
    """Nothing was created: the credentials."""

    status: int
    message: str
    meaning: Meaning = field(default=Meaning.DENIED, init=False)


@dataclass(frozen=True, slots=True)
class Unknown(_Came):
    """A balance may have been created. `server_error` is the status of a complete 5xx answer in Blnk's own
    words."""

    message: str
    status: int | None = None
    meaning: Meaning = Meaning.NO_ANSWER
    server_error: int | None = None
    retry_after_seconds: float | None = None


Outcome = Created | Refused | Conflict | NotApplied | Stop | Unknown
