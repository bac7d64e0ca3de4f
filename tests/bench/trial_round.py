"""Carries one round of the trial out: real workers on a journal of its own, faults, strikes, and a person who
resumes what asks for one. Then the practice Blnk is asked what it holds."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson
from sqlalchemy import func, or_, select
from sqlalchemy.exc import OperationalError

from blnk_api.review import actions
from blnk_api.settings import Instance
from blnk_api.store import Journal, imports, rows, tables
from blnk_api.store.imports import Import
from blnk_api.store.sending import senders
from blnk_api.store.states import ImportState, Outcome, PausedBy, RowState
from tests.bench.trial_plan import REQUEST_TIMEOUT_SECONDS, Plan, Strike
from tests.bench.trial_truth import Held, Verdict, judge, unnamed
from tests.support.importer import SHORT_WAITS, make_draft
from tests.support.postgres import Postgres
from tests.support.practice import PracticeBlnk

CALM_SECONDS = 8.0
"""After the last strike, and once every row was tried, Blnk is well again: every round comes to an end."""
SLOW_SECONDS = 60.0
"""Then it is well in any case."""
STUCK_SECONDS = 240.0
"""Imports of which nothing changes for so long, though Blnk is well, do not go on by themselves."""
_STRIKE_ANYWAY_SECONDS = 4.0
_LOOK_SECONDS = 0.05
_PERSON = "the trial"
_OPEN = (RowState.READY, RowState.SENDING)
_WAITS = {**SHORT_WAITS, "WORKER_NOTICES": "0.05"}


@dataclass(frozen=True)
class Told:
    """What a round came to, in numbers and sentences."""

    plan: Plan
    verdict: Verdict
    kills: int
    faults: int
    lost_answers: int
    asked_a_person: int
    seconds: float
    folder: Path
    """With the senders' log; of a round on SQLite also the journal."""


def carry_out(
    plan: Plan, blnk: PracticeBlnk, database_url: str, folder: Path, postgres: Postgres | None
) -> Told:
    """Resets `blnk` first. `postgres` is the server of `database_url`, where it is one."""
    began = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    blnk.reset()
    for fault in plan.faults:
        blnk.order_fault(**fault)
    with _Round(plan, blnk, database_url, folder, postgres) as round_:
        round_.run()
        return Told(
            plan=plan,
            verdict=round_.verdict(),
            kills=round_.kills,
            faults=round_.fired,
            lost_answers=round_.lost_answers(),
            asked_a_person=round_.asked_a_person,
            seconds=time.monotonic() - began,
            folder=folder,
        )


class _Round:
    def __init__(
        self, plan: Plan, blnk: PracticeBlnk, url: str, folder: Path, postgres: Postgres | None
    ) -> None:
        self._plan = plan
        self._blnk = blnk
        self._url = url
        self._folder = folder
        self._postgres = postgres
        self._write_secrets()
        self._env = self._environment()
        self._journal = Journal(url)
        instance = Instance(blnk.url, blnk.instance_id, "sandbox")
        drafts = [make_draft(self._journal, instance, list(file)) for file in plan.files]
        self._ids = [one.id for one in drafts]
        with self._journal.write() as tx:
            for draft in drafts:
                assert imports.confirm(tx, draft, who=_PERSON, version=draft.version)
        self._workers: list[subprocess.Popen[bytes]] = []
        self._later: list[tuple[float, Callable[[], None]]] = []
        self._is_paused = False
        self.kills = 0
        self.fired = 0
        self.asked_a_person = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.kill()
            worker.wait()
        self._journal.close()

    def _write_secrets(self) -> None:
        """Each time with new credentials, where they are OAuth's."""
        blnk = self._blnk
        match self._plan.access:
            case "oauth":
                credentials = blnk.oauth_client(lifetime_seconds=1.5)
            case "write only":
                credentials = {"access_token": blnk.new_token(["proxy:write"])}
            case _:
                credentials = {"access_token": blnk.token}
        table = {
            **{"base_url": blnk.url, "instance_id": blnk.instance_id, "environment": "sandbox"},
            "request_timeout_seconds": REQUEST_TIMEOUT_SECONDS,
            "requests_per_minute": self._plan.requests_per_minute,
            **credentials,
        }
        lines = [f"{key} = {orjson.dumps(value).decode()}" for key, value in table.items()]
        written = self._folder / "secrets.new"
        written.write_text("\n".join(["practice = false", "[connections.here]", *lines]))
        written.replace(self._folder / "secrets.toml")

    def _environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("BLNK_")}
        waits = {**_WAITS, "CLAIM_GOOD": str(self._plan.claim_good_seconds)}
        return {
            **kept,
            **{f"BLNK_WAIT_{name}": value for name, value in waits.items()},
            "BLNK_DATA_DIR": str(self._folder),
            "BLNK_SECRETS_FILE": str(self._folder / "secrets.toml"),
            "BLNK_DATABASE_URL": self._url,
        }

    def run(self) -> None:
        """Until all imports are done, or one of them is stuck."""
        self._workers.append(self._new_worker())
        last = self._strike_all()
        is_done = self._until_done(last + CALM_SECONDS)
        while not is_done and self._has_untried_rows() and time.monotonic() < last + SLOW_SECONDS:
            is_done = self._until_done(time.monotonic() + 1.0)
        self._become_well()
        if not is_done:
            self._until_done_or_stuck()
        self._verify_late_commits()

    def _strike_all(self) -> float:
        """The moment of the last strike."""
        last = time.monotonic()
        for strike in self._plan.strikes:
            while not self._is_due(strike, time.monotonic() - last):
                time.sleep(_LOOK_SECONDS)
            time.sleep(strike.after_seconds)
            with suppress(OperationalError):
                self._strike(strike)
            last = time.monotonic()
        return last

    def _until_done(self, deadline: float) -> bool:
        while time.monotonic() < deadline:
            with suppress(OperationalError):
                self._tend()
                if not self._later and all(one.state is ImportState.DONE for one in self._imports()):
                    return True
            time.sleep(_LOOK_SECONDS)
        return False

    def _until_done_or_stuck(self) -> None:
        before: list[object] = []
        is_done = False
        while not is_done and (now := [(one.state, one.counts) for one in self._imports()]) != before:
            before = list(now)
            is_done = self._until_done(time.monotonic() + STUCK_SECONDS)

    def _has_untried_rows(self) -> bool:
        untried = select(tables.rows.c.id).where(
            tables.rows.c.state == RowState.READY, tables.rows.c.tries == 0
        )
        with self._journal.read() as tx:
            return tx.execute(untried.limit(1)).first() is not None

    def _become_well(self) -> None:
        self.fired = sum(one["fired"] for one in self._blnk.faults())
        self._blnk.clear_faults()

    def _tend(self) -> None:
        """What the app and its people would do: start senders that ended, resume what asks for a person."""
        for at, worker in enumerate(self._workers):
            if worker.poll() is not None:
                self._workers[at] = self._new_worker()
        while self._later and self._later[0][0] <= time.monotonic():
            _, act = self._later.pop(0)
            act()
        for import_ in self._imports():
            if import_.state is not ImportState.PAUSED or import_.paused_by is PausedBy.BREAKER:
                continue
            is_ours = import_.paused_by is PausedBy.PERSON
            if not (is_ours and self._is_paused):
                self.asked_a_person += not is_ours
                if import_.paused_by is PausedBy.ACCESS and self._plan.access == "oauth":
                    # A sender that was killed between a new token and its safekeeping has none any more.
                    self._write_secrets()
                with self._journal.write() as tx:
                    imports.resume(tx, import_.number, who=_PERSON)

    def _is_due(self, strike: Strike, waited_seconds: float) -> bool:
        """Strikes come one after the other: none while the one before it lasts."""
        with suppress(OperationalError):
            self._tend()
            if self._later:
                return False
            settled = [n for one in self._imports() for state, n in one.counts.items() if state not in _OPEN]
            has_come = sum(settled) >= strike.at * self._plan.rows
            if self._sender() is not None and (has_come or waited_seconds > _STRIKE_ANYWAY_SECONDS):
                return True
        return not self._later and waited_seconds > SLOW_SECONDS

    def _imports(self) -> list[Import]:
        with self._journal.read() as tx:
            found = [imports.find(tx, id) for id in self._ids]
        return [one for one in found if one is not None]

    def _sender(self) -> subprocess.Popen[bytes] | None:
        with self._journal.read() as tx:
            current = senders.current(tx)
        return next((one for one in self._workers if current is not None and one.pid == current.pid), None)

    def _new_worker(self) -> subprocess.Popen[bytes]:
        with (self._folder / "worker.log").open("ab") as log:
            return subprocess.Popen(
                self._limited([sys.executable, "-m", "blnk_api.worker.main", "--stop-with-stdin"]),
                env=self._env,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
            )

    def _limited(self, command: list[str]) -> list[str]:
        """By a shell that becomes the command: this process has threads, and must not act between a fork and
        its end."""
        if self._plan.handles is None:
            return command
        return ["sh", "-c", f'ulimit -n {self._plan.handles} && exec "$@"', "sh", *command]

    def _strike(self, strike: Strike) -> None:
        sender = self._sender() or self._workers[0]
        ends_at = time.monotonic() + strike.lasts_seconds
        match strike.kind:
            case "kill":
                self.kills += 1
                sender.kill()
                sender.wait()
            case "end":
                sender.terminate()
            case "cut":
                self._cut()
            case "pause":
                self._is_paused = True
                self._later.append((ends_at, self._end_pause))
                for import_ in self._imports():
                    with self._journal.write() as tx:
                        imports.pause(
                            tx, import_.number, by=PausedBy.PERSON, who=_PERSON, reason="To see what happens."
                        )
            case "freeze" | "freeze and cut":
                if len(self._workers) == 1:
                    self._workers.append(self._new_worker())
                sender.send_signal(signal.SIGSTOP)
                self._later.append((ends_at, lambda: sender.send_signal(signal.SIGCONT)))
                if strike.kind == "freeze and cut":
                    self._cut()

    def _end_pause(self) -> None:
        self._is_paused = False

    def _cut(self) -> None:
        assert self._postgres is not None
        self._postgres.kill(self._postgres.sessions(self._url))

    def _verify_late_commits(self) -> None:
        """Blnk may carry a request out when its import is done already; who verifies again is told."""
        seconds = max(
            (one["seconds"] for one in self._plan.faults if one["kind"] == "commit_late"), default=0
        )
        late = [one["arrived"] + seconds for one in self._met_late()]
        while late and time.monotonic() < max(late) + 0.3:
            time.sleep(_LOOK_SECONDS)
        found = self._imports()
        if unnamed(Held.of(self._blnk.balances()), found):
            for import_ in found:
                actions.verify_again(self._journal, import_, who=_PERSON)
            self._until_done_or_stuck()

    def _met_late(self) -> list[dict[str, Any]]:
        return [one for one in self._blnk.requests()["recent"] if one["fault"] == "commit_late"]

    def verdict(self) -> Verdict:
        late_refs = {one["import_ref"] for one in self._met_late()}
        with self._journal.read() as tx:
            all_ = [(one, rows.page(tx, one.number, limit=100_000)) for one in self._imports()]
        return judge(
            all_,
            Held.of(self._blnk.balances()),
            late_refs=late_refs if self._plan.commits_beyond_settling else (),
        )

    def lost_answers(self) -> int:
        """Attempts whose fate nobody knew at first: no answer, an odd one, or a sender that was killed."""
        attempts = tables.attempts
        unknown = or_(attempts.c.outcome.is_(None), attempts.c.outcome == Outcome.UNKNOWN)
        with self._journal.read() as tx:
            n: int = tx.execute(select(func.count()).select_from(attempts).where(unknown)).scalar_one()
        return n
