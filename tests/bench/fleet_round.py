"""One round of the fleet: imports on several instances, workers that fail, and what each Blnk contains."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
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

CAP_PER_MINUTE = 3_000
STUCK_SECONDS = 300.0
"""Imports in which nothing changes for this long, although everything works again, will not continue by
themselves."""
_PERSON = actor("the fleet's bench")
_LOOK_SECONDS = 0.1
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

    def __str__(self) -> str:
        struck = "; ".join(
            f"{one.kind} {', '.join(f'{took:.1f}' for took in one.takeover_seconds)}" for one in self.strikes
        )
        return (
            f"{self.rows:,} rows in {self.seconds:.0f} s; {len(self.verdict.failures)} failures; {struck}; "
            f"never taken over: {self.never_taken_over}"
        )


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
    ) -> None:
        self._postgres, self._blnks, self._strikes = postgres, blnks, strikes
        for blnk in blnks:
            blnk.reset()
            blnk.set_limit(cap)
        url = postgres.new_database(like="migrated")
        self._store = Store(url)
        self._rows = rows * len(blnks)
        self._ids = [self._confirmed(at, blnk, rows) for at, blnk in enumerate(blnks)]
        database = url.rpartition("/")[2]
        self._machines = [
            Machine(folder / f"machine-{at}", postgres, database, blnks, cap) for at in range(workers)
        ]
        self._carried_out: list[Strike] = []
        self._never_taken_over = 0

    def run(self) -> Told:
        began = time.monotonic()
        try:
            self._until(lambda: all(self._settled(one) for one in self._imports()), "nothing is sent")
            first = time.monotonic()
            for strike in self._strikes:
                self._wait(strike.after_seconds)
                self._carry_out(strike)
            sending = self._until_sent() - first
            self._until_done()
            return Told(
                self._rows,
                self._verdict(),
                self._carried_out,
                self._never_taken_over,
                sending,
                time.monotonic() - began,
            )
        finally:
            for machine in self._machines:
                machine.close()
            self._store.close()

    def _confirmed(self, at: int, blnk: PracticeBlnk, n: int) -> str:
        instance = Instance(blnk.url, blnk.instance_id, "sandbox")
        balances = [
            BalanceRequest(ledger_id=LEDGER, currency="NGN", meta_data={"customer": f"{at}-{row}"})
            for row in range(n)
        ]
        draft = make_draft(self._store, instance, balances, connection=f"c{at}")
        with self._store.write() as tx:
            assert import_acts.confirm(tx, draft, who=_PERSON, version=draft.version)
        return draft.id

    def _carry_out(self, strike: Strike) -> None:
        if strike.kind == "restart":
            self._postgres.stop()
            self._postgres.start()
            self._carried_out.append(strike)
            return
        found = self._one_that_sends()
        if found is None:
            return
        machine, held = found
        self._carried_out.append(strike)
        began = time.monotonic()
        match strike.kind:
            case "kill":
                machine.kill()
            case "freeze":
                machine.freeze()
            case "cut":
                machine.cut_off()
        waiting = dict(held)
        while waiting and time.monotonic() < began + strike.lasts_seconds:
            self._tend(but=machine)
            now = self._holders()
            for instance, token in list(waiting.items()):
                if now.get(instance, token) != token:
                    strike.takeover_seconds.append(time.monotonic() - began)
                    del waiting[instance]
                elif self._is_done(instance):
                    del waiting[instance]  # it was done when the strike came
            time.sleep(_LOOK_SECONDS)
        self._never_taken_over += len(waiting)
        while strike.kind != "kill" and time.monotonic() < began + strike.lasts_seconds:
            self._tend(but=machine)
            time.sleep(_LOOK_SECONDS)
        machine.wake()
        machine.reconnect()
        machine.start_if_ended()

    def _one_that_sends(self) -> tuple[Machine, dict[int, str]] | None:
        """The worker that holds the most leases, and their tokens, or None if nothing is left to do."""
        while not self._are_done():
            with suppress(OperationalError), self._store.read() as tx:
                serves = {one.pid: one.serves for one in senders.at_work(tx)}
                held = self._holders()
                most = max(self._machines, key=lambda one: len(serves.get(one.worker.pid, ())))
                of_most = {
                    one: held[one]
                    for one in serves.get(most.worker.pid, ())
                    if one in held and not self._is_done(one)
                }
                if of_most:
                    return most, of_most
            self._wait(_LOOK_SECONDS)
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

    def _is_done(self, instance: int) -> bool:
        with suppress(OperationalError):
            mine = [one for one in self._imports() if one.instance_number == instance]
            return all(one.state is ImportState.DONE for one in mine)
        return False

    def _imports(self) -> list[Import]:
        with self._store.read() as tx:
            return [one for id in self._ids if (one := imports.find(tx, id)) is not None]

    def _settled(self, one: Import) -> int:
        return sum(n for state, n in one.counts.items() if state not in _OPEN)

    def _tend(self, *, but: Machine | None = None) -> None:
        """What supervisors and people do: start what has ended, resume what asks for a person."""
        for machine in self._machines:
            if machine is not but:
                machine.start_if_ended()
        with suppress(OperationalError):
            for one in self._imports():
                if one.state is ImportState.PAUSED and one.paused_by is not PausedBy.BREAKER:
                    with self._store.write() as tx:
                        import_acts.resume(tx, one.number, who=_PERSON)

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._tend()
            time.sleep(min(_LOOK_SECONDS, seconds))

    def _until_sent(self) -> float:
        self._until(
            lambda: not any(one.counts.get(state) for one in self._imports() for state in _OPEN),
            "rows are left",
        )
        return time.monotonic()

    def _until_done(self) -> None:
        self._until(self._are_done, "not done")

    def _until(self, is_so: Callable[[], bool], otherwise: str) -> None:
        """Gives up if nothing has changed for long: the verdict then says what is stuck."""
        before, changed_at = None, time.monotonic()
        while time.monotonic() < changed_at + STUCK_SECONDS:
            self._tend()
            with suppress(OperationalError):
                if is_so():
                    return
                now = [(one.state, one.counts) for one in self._imports()]
                if now != before:
                    before, changed_at = now, time.monotonic()
            time.sleep(_LOOK_SECONDS)
        print(f"nothing changes: {otherwise}", flush=True)

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
