"""Carries out one round of the trial: real senders with databases of their own, faults, strikes, and people
who resume what asks for one."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy.exc import OperationalError

from blnk_api.store.states import ImportState
from blnk_api.store.trail.verify import verify
from blnk_api.wording.whole_desk import about_trail
from tests.bench import trial_approval, trial_day
from tests.bench.trial_desk import Desk
from tests.bench.trial_plan import Plan, Strike
from tests.bench.trial_truth import ExistingBalance, Verdict, judge
from tests.support.json_object import JsonObject
from tests.support.postgres import Postgres
from tests.support.practice import PracticeBlnk

CALM_SECONDS = 8.0
"""After the last strike, and once every row was tried, Blnk works again, so that every round ends."""
SLOW_SECONDS = 60.0
"""Then it works in any case."""
STUCK_SECONDS = 240.0
"""Imports in which nothing changes for this long, although Blnk works, will not continue by themselves."""
_STRIKE_ANYWAY_SECONDS = 4.0
_LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class Told:
    """The outcome of a round, in numbers and sentences."""

    plan: Plan
    verdict: Verdict
    kills: int
    faults: int
    lost_answers: int
    named_by_looks: int
    asked_a_person: int
    seconds: float
    folder: Path
    """With a folder for each desk: the sender's log, and on SQLite the store too."""


def carry_out(
    plan: Plan, blnk: PracticeBlnk, database_urls: Sequence[str], folder: Path, postgres: Postgres | None
) -> Told:
    """Resets `blnk` first. Each desk has a database; `postgres` is their server, if it is Postgres."""
    began = time.monotonic()
    blnk.reset()
    for fault in plan.faults:
        blnk.order_fault(**fault)
    with _Round(plan, blnk, database_urls, folder, postgres) as round_:
        round_.run()
        desks = round_.desks
        return Told(
            plan=plan,
            verdict=round_.verdict(),
            kills=sum(one.kills for one in desks),
            faults=round_.fired,
            lost_answers=sum(one.lost_answers() for one in desks),
            named_by_looks=sum(trial_day.named_by_looks(one.store) for one in desks),
            asked_a_person=sum(one.asked_a_person for one in desks),
            seconds=time.monotonic() - began,
            folder=folder,
        )


class _Round:
    def __init__(
        self, plan: Plan, blnk: PracticeBlnk, urls: Sequence[str], folder: Path, postgres: Postgres | None
    ) -> None:
        self._plan = plan
        self._blnk = blnk
        self.desks = [Desk(plan, blnk, url, folder_of(folder, at), postgres) for at, url in enumerate(urls)]
        self.fired = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        for desk in self.desks:
            desk.close()

    def run(self) -> None:
        """Until all imports are done, or one of them is stuck; and the day after."""
        for desk in self.desks:
            desk.start()
        last = self._strike_all()
        is_done = self._until_done(last + CALM_SECONDS)
        while not is_done and self._has_untried_rows() and time.monotonic() < last + SLOW_SECONDS:
            is_done = self._until_done(time.monotonic() + 1.0)
        self.fired = sum(one["fired"] for one in self._blnk.faults())
        self._blnk.clear_faults()
        if not is_done:
            self._until_done_or_stuck()
        self._wait_for_late_commits()
        for desk in self.desks:
            desk.look_for_a_day(most_seconds=STUCK_SECONDS)

    def _strike_all(self) -> float:
        """The moment of the last strike. Each hits the next desk."""
        last = time.monotonic()
        for at, strike in enumerate(self._plan.strikes):
            desk = self.desks[at % len(self.desks)]
            while not self._is_due(strike, desk, time.monotonic() - last):
                time.sleep(_LOOK_SECONDS)
            time.sleep(strike.after_seconds)
            with suppress(OperationalError):
                desk.strike(strike)
            last = time.monotonic()
        return last

    def _is_due(self, strike: Strike, desk: Desk, waited_seconds: float) -> bool:
        """Strikes come one after the other: none before the previous one is over."""
        with suppress(OperationalError):
            self._tend()
            if self._is_struck():
                return False
            has_come = desk.settled() >= strike.at * self._plan.rows
            if desk.has_sender and (has_come or waited_seconds > _STRIKE_ANYWAY_SECONDS):
                return True
        return not self._is_struck() and waited_seconds > SLOW_SECONDS

    def _until_done(self, deadline: float) -> bool:
        while time.monotonic() < deadline:
            with suppress(OperationalError):
                self._tend()
                if not self._is_struck() and self._are_done():
                    return True
            time.sleep(_LOOK_SECONDS)
        return False

    def _until_done_or_stuck(self) -> None:
        before: list[object] = []
        is_done = False
        while not is_done and (now := self._standing()) != before:
            before = now
            is_done = self._until_done(time.monotonic() + STUCK_SECONDS)

    def _standing(self) -> list[object]:
        return [(one.state, one.counts) for desk in self.desks for one in desk.imports()]

    def _are_done(self) -> bool:
        return all(one.state is ImportState.DONE for desk in self.desks for one in desk.imports())

    def _is_struck(self) -> bool:
        return any(desk.is_struck for desk in self.desks)

    def _has_untried_rows(self) -> bool:
        return any(desk.has_untried_rows() for desk in self.desks)

    def _tend(self) -> None:
        for desk in self.desks:
            desk.tend(others_may_send=any(other.may_send() for other in self.desks if other is not desk))

    def _wait_for_late_commits(self) -> None:
        """Blnk may carry out a request after its import is done."""
        seconds = max(
            (one["seconds"] for one in self._plan.faults if one["kind"] == "commit_late"), default=0
        )
        late = [one["arrived"] + seconds for one in self._met_late()]
        while late and time.monotonic() < max(late) + 0.3:
            time.sleep(_LOOK_SECONDS)

    def _met_late(self) -> list[JsonObject]:
        return [one for one in self._blnk.requests()["recent"] if one["fault"] == "commit_late"]

    def verdict(self) -> Verdict:
        late_refs = {one["import_ref"] for one in self._met_late()}
        verdict = judge(
            [desk.rows() for desk in self.desks],
            ExistingBalance.of(self._blnk.balances()),
            late_refs=late_refs if self._plan.commits_beyond_settling else (),
            looks_open=sum(desk.looks_open() for desk in self.desks),
            most_by_two_desks=self._plan.most_by_two_desks,
        )
        if len(self.desks) == 1 and self.desks[0].met_another():
            verdict.untrue.append("an import was paused because of another desk, and there is none")
        for desk in self.desks:
            verdict.untrue += [about_trail.broken(one) for one in verify(desk.store).breaks]
            if self._plan.approval:
                verdict.untrue += trial_approval.unapproved(desk.store)
        return verdict


def folder_of(round_: Path, desk: int) -> Path:
    return round_ / f"desk-{desk}"
