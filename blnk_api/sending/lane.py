"""One import inside the engine: its rows looked up and ready, claimed, in flight, and come back."""

from collections import deque
from dataclasses import dataclass, field

from blnk_api.blnk.endpoints import REFS_PER_LOOK
from blnk_api.sending.decisions import ClaimedRow
from blnk_api.store.imports import Import
from blnk_api.store.sending.attempts import Result
from blnk_api.store.sending.ready_rows import Ready
from blnk_api.store.states import Ramp

FEW_ROWS = 5
MOST_REFUSALS_IN_A_ROW = 20


@dataclass
class Lane:
    import_: Import
    ramp: Ramp
    ready: deque[Ready] = field(default_factory=deque)
    claimed: deque[ClaimedRow] = field(default_factory=deque)
    in_flight: int = 0
    turn: int = 0
    """When a row of it left last: the lane that waited longest is next, however slow the pace."""
    results: list[Result] = field(default_factory=list)
    recording: int = 0
    after: int = 0
    fill_at: float = 0.0
    is_filling: bool = False
    is_looked_up: bool = False
    """This process has decided how to look the import's rows up before they are claimed."""
    is_walked: bool = False
    """All rows of the first pass were looked up by one walk; those met again are looked up in lists."""
    verification: object | None = None
    """The one that is under way."""
    is_confirming_canary: bool = False
    is_confirming_few: bool = False
    few_sent: int = 0
    sent: deque[str] = field(default_factory=lambda: deque(maxlen=REFS_PER_LOOK))
    """Refs of the rows whose POSTs left last, in this process."""
    made: deque[str] = field(default_factory=lambda: deque(maxlen=REFS_PER_LOOK))
    """Those of them that Blnk answered with a balance."""
    since: str | None = None
    """Blnk's own time of the first balance that this process made of it, where it can be believed: what is
    newer and was not made here is another desk's."""
    refusals_in_a_row: int = 0
    created_from: str | None = None
    """Blnk's own time of the first balance: see store.sending.attempts.remember_first."""
    sends: bool = False
    """The import is running and this lane may claim."""
    restarts: bool = False
    """It was paused because of another desk, and rows with two balances are being named: however soon it is
    resumed, no row is claimed before that is through, or what was found already would pause it once more."""
    runs_since: float | None = None
    """When the import was first seen running, or running again: what was answered to a request of before
    does not pause it."""

    @property
    def out(self) -> int:
        """Rows between their claim and the record of what came of them."""
        return len(self.claimed) + self.in_flight + len(self.results) + self.recording

    def forget_sent(self) -> None:
        """What is seen from now on is judged by what is sent from now on."""
        self.sent.clear()
        self.made.clear()
        self.since = None
        self.few_sent = 0

    def few_are_back(self) -> bool:
        """Whether the first rows together, or all that there are, have come to their end and wait to be
        looked at."""
        waits = self.ramp is Ramp.FEW and not self.is_confirming_few and not self.out
        return waits and (self.few_sent >= FEW_ROWS or (self.few_sent > 0 and not self.ready))

    def room(self) -> int:
        """How many more rows the ramp lets out now."""
        match self.ramp:
            case Ramp.CANARY:
                return 0 if self.is_confirming_canary else 1 - self.out
            case Ramp.FEW:
                return 0 if self.is_confirming_few else FEW_ROWS - self.few_sent
            case Ramp.ALL:
                return 1_000_000
