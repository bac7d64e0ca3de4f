"""One round of the fleet: imports on several instances, workers that fail, and what each Blnk contains."""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from blnk_api.models import BalanceRequest
from blnk_api.settings import Instance
from blnk_api.store import Store, import_acts, imports, rows
from blnk_api.store.imports import Import
from blnk_api.store.sending import senders
from blnk_api.store.states import ImportState, PausedBy, RowState
from tests.bench.fleet_machine import Machine, Strike
from tests.bench.trial_truth import ExistingBalance, Verdict, judge
from tests.support.actors import actor
from tests.support.importer import LEDGER, make_draft
from tests.support.postgres import Postgres
from tests.support.practice import PracticeBlnk

STUCK_SECONDS = 100.0
"""Imports in which nothing changes for this long will not continue by themselves: the round is over."""
MOST_SECONDS = 600.0
"""A longer round is over too."""
_PERSON = actor("the fleet's bench")
_LOOK_SECONDS = 0.1
_RESUME_SECONDS = 1.0
_HELD = text("SELECT instance, token FROM leases WHERE token <> ''")
_OPEN = (RowState.READY, RowState.SENDING, RowState.UNKNOWN)


@dataclass
class Told:
    rows: int
    verdict: Verdict
    strikes: Sequence[Strike]
    never_taken_over: int
    """Instances that a struck worker held, and that nobody took over while it was away."""
    sending_seconds: float
    """From the first row that was sent to the last."""
    seconds: float

    gave_up: str = ""
    """What was waited for in vain."""

    @property
    def failures(self) -> list[str]:
        never = [f"never taken over: {self.never_taken_over}"] if self.never_taken_over else []
        return [*self.verdict.failures, *never, *([self.gave_up] if self.gave_up else [])]

    def __str__(self) -> str:
        struck = "; ".join(
            f"{one.kind} {', '.join(f'{took:.1f}' for took in one.takeover_seconds)}" for one in self.strikes
        )
        return (
            f"{self.rows:,} rows in {self.seconds:.0f} s, sent in {self.sending_seconds:.0f} s; "
            f"{len(self.failures)} failures; {struck}"
        )


@dataclass
class _Away:
    """A machine that a strike took away, and that comes back at `until`."""

    machine: Machine
    until: float


class EndedEarly(Exception):
    """Whoever runs the rounds wants them to end."""


class Round:
    def __init__(
        self,
        folder: Path,
        postgres: Postgres,
        blnks: Sequence[PracticeBlnk],
        *,
        workers: int,
        rows: int,
        cap: int | None,
        strikes: Sequence[Strike],
        ends: threading.Event,
    ) -> None:
        """When `ends` is set, it raises EndedEarly as soon as it can."""
        self._ends, self._folder = ends, folder
        self._postgres, self._blnks, self._strikes = postgres, blnks, strikes
        for blnk in blnks:
            blnk.reset()
            blnk.set_limit(cap)
        url = postgres.new_database(like="migrated")
        self._store = Store(url)
        self._rows = rows * len(blnks)
        self._drafts = [self._draft(at, blnk, rows) for at, blnk in enumerate(blnks)]
        self._ids = [one.id for one in self._drafts]
        database = url.rpartition("/")[2]
        self._machines: list[Machine] = []
        self._start_machine = partial(Machine, postgres=postgres, database=database, blnks=blnks, cap=cap)
        self._workers = workers
        self._away: list[_Away] = []
        self._carried_out: list[Strike] = []
        self._never_taken_over = 0
        self._gave_up = ""
        self._resumed_at = 0.0
        self._over_at = time.monotonic() + MOST_SECONDS

    def run(self) -> Told:
        began = time.monotonic()
        try:
            for at in range(self._workers):
                self._machines.append(self._start_machine(self._folder / f"machine-{at}"))
            if not self._strikes:
                self._until(self._is_shared, "instances are not shared evenly")
            self._confirm()
            self._until(lambda: all(self._settled(one) for one in self._imports()), "nothing is sent")
            first = time.monotonic()
            for strike in self._strikes:
                self._wait(strike.after_seconds)
                self._carry_out(strike)
            self._until(lambda: not any(map(self._open, self._imports())), "rows are left")
            sending = time.monotonic() - first
            self._until(self._are_done, "not done")
            self._until(self._are_all_back, "a worker does not come back")
            return Told(
                self._rows,
                self._verdict(),
                self._carried_out,
                self._never_taken_over,
                sending,
                time.monotonic() - began,
                self._gave_up,
            )
        finally:
            for machine in self._machines:
                machine.close()
            self._store.close()

    def _draft(self, at: int, blnk: PracticeBlnk, n: int) -> Import:
        instance = Instance(blnk.url, blnk.instance_id, "sandbox")
        balances = [
            BalanceRequest(ledger_id=LEDGER, currency="NGN", meta_data={"customer": f"{at}-{row}"})
            for row in range(n)
        ]
        return make_draft(self._store, instance, balances, connection=f"c{at}")

    def _confirm(self) -> None:
        for draft in self._drafts:
            with self._store.write() as tx:
                assert import_acts.confirm(tx, draft, who=_PERSON, version=draft.version)

    def _is_shared(self) -> bool:
        """Whether each worker sends to as many instances as others: none is moved while it is measured."""
        with self._store.read() as tx:
            sends = [len(one.serves) for one in senders.at_work(tx)]
        whole = len(sends) == self._workers and sum(sends) == len(self._drafts)
        return whole and max(sends) - min(sends) <= 1

    def _carry_out(self, strike: Strike) -> None:
        if strike.kind == "restart":
            self._postgres.stop()
            self._postgres.start()
            self._carried_out.append(strike)
            return
        found = self._one_that_sends()
        if found is None:
            return
        machine, waiting = found
        self._carried_out.append(strike)
        began = time.monotonic()
        away = _Away(machine, began + strike.lasts_seconds)
        self._away.append(away)
        match strike.kind:
            case "kill":
                machine.kill()
            case "freeze":
                machine.freeze()
            case "cut":
                machine.cut_off()
        while waiting and time.monotonic() < away.until:
            now = self._holders()
            for instance, token in list(waiting.items()):
                if now.get(instance, token) != token:
                    strike.takeover_seconds.append(time.monotonic() - began)
                    del waiting[instance]
                elif self._is_done(instance):
                    del waiting[instance]  # it was done when the strike came
            self._look_later()
        self._never_taken_over += len(waiting)
        if strike.kind == "kill":
            away.until = time.monotonic()

    def _one_that_sends(self) -> tuple[Machine, dict[int, str]] | None:
        """The worker that holds the most leases, and their tokens, or None if nothing is left to do."""
        while not self._are_done():
            with suppress(OperationalError), self._store.read() as tx:
                serves = {one.pid: one.serves for one in senders.at_work(tx)}
                held = self._holders()
                away = [one.machine for one in self._away]
                there = [one for one in self._machines if one not in away]
                most = max(there, key=lambda one: len(serves.get(one.worker.pid, ())))
                of_most = {
                    one: held[one]
                    for one in serves.get(most.worker.pid, ())
                    if one in held and not self._is_done(one)
                }
                if of_most:
                    return most, of_most
            if time.monotonic() > self._over_at:
                break
            self._look_later()
        return None

    def _holders(self) -> dict[int, str]:
        """The token of each instance's lease."""
        with suppress(OperationalError), self._store.read() as tx:
            return {one.instance: one.token for one in tx.execute(_HELD)}
        return {}

    def _are_done(self) -> bool:
        with suppress(OperationalError):
            return all(one.state is ImportState.DONE for one in self._imports())
        return False

    def _are_all_back(self) -> bool:
        """What a machine still had in hand when it went away has left by then, or never does."""
        with self._store.read() as tx:
            heard = {one.pid for one in senders.at_work(tx)}
        return not self._away and all(one.worker.pid in heard for one in self._machines)

    def _is_done(self, instance: int) -> bool:
        with suppress(OperationalError):
            mine = [one for one in self._imports() if one.instance_number == instance]
            return all(one.state is ImportState.DONE for one in mine)
        return False

    def _imports(self) -> list[Import]:
        with self._store.read() as tx:
            return [one for id in self._ids if (one := imports.find(tx, id)) is not None]

    def _settled(self, one: Import) -> int:
        return sum(one.counts.values()) - self._open(one)

    def _open(self, one: Import) -> int:
        return sum(one.counts.get(state, 0) for state in _OPEN)

    def _look_later(self) -> None:
        """What supervisors and people do meanwhile: start what ended, resume what asks for a person."""
        now = time.monotonic()
        for one in [one for one in self._away if one.until <= now]:
            one.machine.wake()
            one.machine.reconnect()
            self._away.remove(one)
        away = [one.machine for one in self._away]
        for machine in self._machines:
            if machine not in away:
                machine.start_if_ended()
        if now - self._resumed_at > _RESUME_SECONDS:
            self._resumed_at = now
            self._resume()
        if self._ends.wait(_LOOK_SECONDS):
            raise EndedEarly

    def _resume(self) -> None:
        with suppress(OperationalError):
            for import_ in self._imports():
                if import_.state is ImportState.PAUSED and import_.paused_by is not PausedBy.BREAKER:
                    with self._store.write() as tx:
                        import_acts.resume(tx, import_.number, who=_PERSON)

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._look_later()

    def _until(self, is_so: Callable[[], bool], otherwise: str) -> None:
        """Gives up when nothing changes: then the verdict says what is stuck."""
        before, changed_at = None, time.monotonic()
        while time.monotonic() < min(changed_at + STUCK_SECONDS, self._over_at):
            with suppress(OperationalError):
                if is_so():
                    return
                now = [(one.state, one.counts) for one in self._imports()]
                if now != before:
                    before, changed_at = now, time.monotonic()
            self._look_later()
        self._gave_up = self._gave_up or f"given up: {otherwise}"

    def _verdict(self) -> Verdict:
        verdict = Verdict()
        for one, blnk in zip(self._imports(), self._blnks, strict=True):
            with self._store.read() as tx:
                ended = [(one, rows.page(tx, one.number, limit=self._rows))]
            told = judge([ended], ExistingBalance.of(blnk.balances()), late_refs=())
            verdict.twice += told.twice
            verdict.lost += told.lost
            verdict.stuck += told.stuck
            verdict.untrue += told.untrue
            verdict.for_a_person += told.for_a_person
        return verdict
