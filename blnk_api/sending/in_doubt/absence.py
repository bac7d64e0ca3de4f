"""Decides whether Blnk has the balances of rows in doubt. A balance that is found is believed at once;
absence requires a witness.

A row is absent after the settle time and then two look-ups, at least one request timeout apart, each of which
returned in the same list a witness: a balance that we saw created by a POST that left after the row's attempt
had ended. So a lagging replica, a wrong instance or a blocked table cannot look like absence.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from blnk_api.blnk.endpoints import REFS_PER_LOOK
from blnk_api.store.sending.rows_in_doubt import UnknownRow

FIRST_LOOK_SECONDS = 0.3
SETTLES_WITHOUT_WITNESS = 4
SAME_SERVER_ERRORS = 3


class Witness(NamedTuple):
    """A ref that was created, and when its POST left, on the looker's clock."""

    ref: str
    left_at: float


@dataclass(slots=True)
class _Seen:
    """A row in doubt in this process. `since`: when its attempt ended, or when the lock was taken."""

    since: float
    look_at: float
    pause: float
    absent_at: float | None = None
    is_written_down: bool = False
    """Whether the store has it: from then on the store says when the row is no longer in doubt."""


@dataclass(frozen=True, slots=True)
class Look:
    """Rows to look up in one list. `witness` is included if an absence may count."""

    rows: list[UnknownRow]
    witness: Witness | None


class Resolver:
    """The policy for looking up one instance's rows in doubt. Pure: time is passed in."""

    def __init__(self, *, settle_seconds: float, request_timeout_seconds: float) -> None:
        self._settle = settle_seconds
        self._apart = request_timeout_seconds
        self._seen: dict[int, _Seen] = {}
        self._witnesses: deque[Witness] = deque(maxlen=50)

    def created(self, witness: Witness) -> None:
        if not self._witnesses or witness.left_at >= self._witnesses[-1].left_at:
            self._witnesses.append(witness)

    def became_unknown(self, row: int, now: float) -> None:
        """An attempt of this row has just ended in doubt; earlier look-ups do not count anymore."""
        self._seen[row] = _Seen(now, now + FIRST_LOOK_SECONDS, FIRST_LOOK_SECONDS)

    def due(self, rows: Sequence[UnknownRow], now: float) -> list[Look]:
        """The look-ups to make now for the store's rows in doubt (all of them; others are forgotten)."""
        current = {row.id for row in rows}
        self._seen = {
            id: seen for id, seen in self._seen.items() if id in current or not seen.is_written_down
        }
        for row in rows:
            if row.id not in self._seen:
                self.became_unknown(row.id, now)
            self._seen[row.id].is_written_down = True
        ready = [row for row in rows if now >= self._seen[row.id].look_at]
        looks: list[Look] = []
        for import_ in dict.fromkeys(row.import_ for row in ready):
            ours = [row for row in ready if row.import_ == import_]
            for start in range(0, len(ours), REFS_PER_LOOK - 1):
                part = ours[start : start + REFS_PER_LOOK - 1]
                looks.append(Look(part, self._witness_for(part)))
        return looks

    def _witness_for(self, rows: Iterable[UnknownRow]) -> Witness | None:
        """The newest witness, if it can vouch for at least one of the rows."""
        newest = self._witnesses[-1] if self._witnesses else None
        if newest is None or all(newest.left_at <= self._seen[row.id].since for row in rows):
            return None
        return newest

    def absent(
        self, row: UnknownRow, look: Look, now: float, *, witness_was_found: bool, alone: bool
    ) -> bool:
        """Whether a look-up without this row, answered just now, proves it absent.

        `alone`: nothing is left to send that could become a witness, so this row would be sent again alone.
        """
        seen = self._seen[row.id]
        seen.pause = min(max(self._apart, FIRST_LOOK_SECONDS), seen.pause * 2)
        seen.look_at = now + seen.pause
        # A balance that we saw created is missing: these look-ups lag, whether a row is alone or not.
        lags = look.witness is not None and not witness_was_found
        vouched = witness_was_found and look.witness is not None and look.witness.left_at > seen.since
        settled = now - seen.since >= self._settle
        long_settled = now - seen.since >= self._settle * SETTLES_WITHOUT_WITNESS
        if lags or not ((vouched and settled) or (alone and long_settled)):
            seen.absent_at = (
                None  # the two look-ups that count must follow each other, and each must prove it
            )
            return False
        if seen.absent_at is None:
            seen.absent_at = now
            seen.look_at = now + self._apart
            return False
        return now - seen.absent_at >= self._apart
