"""One import in the engine: its rows that are looked up and ready, claimed, in flight, and answered."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from blnk_api.blnk.endpoints import REFS_PER_LOOK
from blnk_api.sending.attempt_result import ClaimedRow
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
    claiming: int = 0
    """Rows whose claim is being committed: an import that ends now must still give them back."""
    claimed: deque[ClaimedRow] = field(default_factory=deque)
    in_flight: int = 0
    turn: int = 0
    """When a row of it was last sent: the lane that has waited longest is next, however slow the pace."""
    results: list[Result] = field(default_factory=list)
    recording: int = 0
    after: int = 0
    fill_at: float = 0.0
    is_filling: bool = False
    stops: int = 0
    """Rises whenever it stopped: what was asked before that says nothing about rows after it."""
    is_looked_up: bool = False
    """Whether this process has decided how to look up the import's rows before they are claimed."""
    is_walked: bool = False
    """Whether one walk has looked up all rows of the first pass. Later ones are looked up in lists."""
    verification: object | None = None
    """The verification in progress."""
    is_confirming_canary: bool = False
    is_confirming_few: bool = False
    few_sent: int = 0
    first_claimed: int = 0
    """How many of the first rows since it began or resumed were claimed: see `firsts`."""
    sent: deque[str] = field(default_factory=lambda: deque(maxlen=REFS_PER_LOOK))
    """Refs of the rows that this process sent last."""
    made: deque[str] = field(default_factory=lambda: deque(maxlen=REFS_PER_LOOK))
    """Those for which Blnk answered with a balance."""
    since: str | None = None
    """Blnk's own time of the first balance that this process created for it, if plausible. Newer balances
    that were not created here belong to another desk."""
    refusals_in_a_row: int = 0
    created_from: str | None = None
    """Blnk's own time of the first balance: see store.sending.attempts.remember_first."""
    sends: bool = False
    """Whether the import is running and this lane may claim rows."""
    restarts: bool = False
    """Whether it was paused because of another desk, and rows with two balances are being named. Until that
    is done, no row is claimed, even if it is resumed: what was already found would pause it again."""
    runs_since: float | None = None
    """When the import was first seen running, or running again. Answers to earlier requests do not pause
    it."""

    @property
    def out(self) -> int:
        """How many rows are between their claim and the record of their outcome."""
        return self.claiming + len(self.claimed) + self.in_flight + len(self.results) + self.recording

    def forget_looks(self) -> None:
        """It stopped: by the time it continues, another desk may have created its rows."""
        self.stops += 1
        self.ready.clear()
        self.after = self.first_claimed = 0
        self.is_looked_up = self.is_walked = False

    def starts_slowly(self) -> None:
        """Only a few rows go before it is looked at whether another desk is sending."""
        self.ramp = min(self.ramp, Ramp.FEW)
        self.few_sent = 0

    def forget_sent(self) -> None:
        """From now on, balances are compared only with what is sent from now on."""
        self.sent.clear()
        self.made.clear()
        self.since = None
        self.few_sent = 0
        self.first_claimed = 0

    def firsts(self, row_ids: Sequence[int]) -> Sequence[int]:
        """Those of the next rows to be claimed that another desk may be sending at the same moment: so many
        as one request looks up. By the time that later ones are sent, either desk has seen the other."""
        return row_ids[: max(0, REFS_PER_LOOK - self.first_claimed)]

    def few_are_back(self) -> bool:
        """Whether the first rows together, or all remaining rows, have an outcome and wait to be looked
        up."""
        waits = self.ramp is Ramp.FEW and not self.is_confirming_few and not self.out
        return waits and (self.few_sent >= FEW_ROWS or (self.few_sent > 0 and not self.ready))

    def room(self) -> int:
        """How many more rows the ramp allows now."""
        match self.ramp:
            case Ramp.CANARY:
                return 0 if self.is_confirming_canary else 1 - self.out
            case Ramp.FEW:
                return 0 if self.is_confirming_few else FEW_ROWS - self.few_sent
            case Ramp.ALL:
                return 1_000_000
