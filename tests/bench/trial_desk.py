"""One desk of a round: a data folder and a database of its own, its senders, and the people who watch it."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import orjson
from sqlalchemy import func, or_, select

from blnk_api.settings import Instance
from blnk_api.store import Store, import_acts, imports, rows, tables
from blnk_api.store.approvals import need
from blnk_api.store.imports import Import
from blnk_api.store.rows import StoredRow
from blnk_api.store.sending import senders
from blnk_api.store.states import ImportState, Outcome, PausedBy, RowState
from tests.bench import trial_day, trial_fix
from tests.bench.trial_approval import TwoPeople
from tests.bench.trial_plan import REQUEST_TIMEOUT_SECONDS, Plan, Strike
from tests.support.actors import actor
from tests.support.approval import SIGN_IN
from tests.support.desk_settings import connection_table, environment
from tests.support.importer import SHORT_WAITS, make_draft
from tests.support.postgres import Postgres
from tests.support.practice import PracticeBlnk

_PERSON = actor("the trial")
_OPEN = (RowState.READY, RowState.SENDING)
_WAITS = {**SHORT_WAITS, "WORKER_NOTICES": "0.05"}


class Desk:
    """Confirms all files of its plan on construction; `start` sends them. Use `close` at the end."""

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
        self.store = Store(url)
        instance = Instance(blnk.url, blnk.instance_id, "sandbox")
        drafts = [make_draft(self.store, instance, list(file)) for file in plan.files]
        self._ids = [one.id for one in drafts]
        self._people = TwoPeople(plan, self.store) if plan.approval else None
        self._confirm(drafts)
        self._workers: list[subprocess.Popen[bytes]] = []
        self._later: list[tuple[float, Callable[[], None]]] = []
        self._is_paused = False
        self.kills = 0
        self.asked_a_person = 0

    def _confirm(self, drafts: Sequence[Import]) -> None:
        if self._people is not None:
            for draft in drafts:
                self._people.ask(draft)
            return
        with self.store.write() as tx:
            for draft in drafts:
                assert import_acts.confirm(tx, draft, who=_PERSON, version=draft.version)

    def start(self) -> None:
        self._workers.append(self._new_worker())

    def close(self) -> None:
        self._end_workers()
        self.store.close()

    @property
    def is_struck(self) -> bool:
        """Whether a strike is still underway and has to be ended."""
        return bool(self._later)

    @property
    def has_sender(self) -> bool:
        return self._sender() is not None

    def imports(self) -> list[Import]:
        with self.store.read() as tx:
            found = [imports.find(tx, id) for id in self._ids]
        return [one for one in found if one is not None]

    def rows(self) -> list[tuple[Import, list[StoredRow]]]:
        with self.store.read() as tx:
            return [(one, rows.page(tx, one.number, limit=100_000)) for one in self.imports()]

    def settled(self) -> int:
        """How many of its rows are neither waiting to be sent nor being sent."""
        return sum(n for one in self.imports() for state, n in one.counts.items() if state not in _OPEN)

    def may_send(self) -> bool:
        """Whether a person at another desk would have to wait for this one."""
        return any(
            one.state is not ImportState.DONE
            and not (one.state is ImportState.PAUSED and one.paused_by is PausedBy.DESK)
            for one in self.imports()
        )

    def has_untried_rows(self) -> bool:
        untried = select(tables.rows.c.id).where(
            tables.rows.c.state == RowState.READY, tables.rows.c.tries == 0
        )
        with self.store.read() as tx:
            return tx.execute(untried.limit(1)).first() is not None

    def tend(self, *, others_may_send: bool) -> None:
        """What the app and its people would do: start senders that ended, resume what asks for a person."""
        for at, worker in enumerate(self._workers):
            if worker.poll() is not None:
                self._workers[at] = self._new_worker()
        while self._later and self._later[0][0] <= time.monotonic():
            _, act = self._later.pop(0)
            act()
        for import_ in self.imports():
            if self._people is not None:
                self._people.tend(import_)
            if import_.state is not ImportState.PAUSED or import_.paused_by is PausedBy.BREAKER:
                continue
            if need.lacks_one(import_):
                continue
            if import_.paused_by is PausedBy.DESK and others_may_send:
                continue  # its message says to wait until the other desk's import has ended
            is_ours = import_.paused_by is PausedBy.PERSON
            if is_ours and self._is_paused:
                continue
            self.asked_a_person += not is_ours
            if import_.paused_by is PausedBy.ACCESS:
                self._renew_credentials()
            with self.store.write() as tx:
                import_acts.resume(tx, import_.number, who=_PERSON)
        if self._plan.fixes:
            self._fix_rejected()

    def _fix_rejected(self) -> None:
        for import_ in self.imports():
            if import_.state is ImportState.DONE and import_.counts.get(RowState.REFUSED):
                self._ids.append(
                    trial_fix.fix(self.store, import_, who=_PERSON, confirms=self._people is None)
                )

    def strike(self, strike: Strike) -> None:
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
                for import_ in self.imports():
                    with self.store.write() as tx:
                        import_acts.pause(
                            tx, import_.number, by=PausedBy.PERSON, who=_PERSON, reason="To see what happens."
                        )
            case "freeze" | "freeze and cut":
                if len(self._workers) == 1:
                    self._workers.append(self._new_worker())
                sender.send_signal(signal.SIGSTOP)
                self._later.append((ends_at, lambda: sender.send_signal(signal.SIGCONT)))
                if strike.kind == "freeze and cut":
                    self._cut()

    def look_for_a_day(self, *, most_seconds: float) -> None:
        """Until none of the late look-ups is owed for which this round gave reason."""
        if self._plan.access == "write only" or not trial_day.open_looks(self.store):
            return
        self._end_workers()
        self._renew_credentials()
        ahead = self._folder / "ahead"
        trial_day.set_clock(ahead, 0)
        self._workers.append(self._start(["tests.bench.trial_clock", str(ahead)]))
        trial_day.let_pass(self.store, ahead, most_seconds=most_seconds, help_it=self._renew_credentials)

    def looks_open(self) -> int:
        return 0 if self._plan.access == "write only" else trial_day.open_looks(self.store)

    def lost_answers(self) -> int:
        """Attempts with an unknown outcome at first: no answer, an odd one, or a sender that was killed."""
        attempts = tables.attempts
        unknown = or_(attempts.c.outcome.is_(None), attempts.c.outcome == Outcome.UNKNOWN)
        with self.store.read() as tx:
            n: int = tx.execute(select(func.count()).select_from(attempts).where(unknown)).scalar_one()
        return n

    def met_another(self) -> bool:
        """Whether one of its imports was paused because another desk seemed to be sending."""
        paused = select(tables.events.c.detail).where(tables.events.c.what == "paused")
        with self.store.read() as tx:
            return any(orjson.loads(one)["by"] == PausedBy.DESK for one in tx.execute(paused).scalars())

    def _renew_credentials(self) -> None:
        """A sender that was killed between receiving a new token and storing it has none anymore, nor has one
        that did not receive the answer with it."""
        if self._plan.access == "oauth":
            self._write_secrets()

    def _write_secrets(self) -> None:
        """Each time with new credentials, if they are OAuth's."""
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
        written = self._folder / "secrets.new"
        rule = ['approval = "always"', SIGN_IN] if self._plan.approval else []
        written.write_text("\n".join(["practice = false", connection_table("here", table), *rule]))
        written.replace(self._folder / "secrets.toml")

    def _environment(self) -> dict[str, str]:
        waits = {**_WAITS, "CLAIM_GOOD": str(self._plan.claim_good_seconds)}
        hurried = {f"BLNK_WAIT_{name}": value for name, value in waits.items()}
        return environment(self._folder, self._url) | hurried

    def _sender(self) -> subprocess.Popen[bytes] | None:
        with self.store.read() as tx:
            current = senders.current(tx)
        return next((one for one in self._workers if current is not None and one.pid == current.pid), None)

    def _new_worker(self) -> subprocess.Popen[bytes]:
        return self._start(["blnk_api.worker.main", "--stop-with-stdin"])

    def _start(self, module: list[str]) -> subprocess.Popen[bytes]:
        with (self._folder / "worker.log").open("ab") as log:
            return subprocess.Popen(
                self._limited([sys.executable, "-m", *module]),
                env=self._env,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
            )

    def _limited(self, command: list[str]) -> list[str]:
        """Through a shell that becomes the command: this process has threads, and must not act between a fork
        and its end."""
        if self._plan.handles is None:
            return command
        return ["sh", "-c", f'ulimit -n {self._plan.handles} && exec "$@"', "sh", *command]

    def _end_workers(self) -> None:
        for worker in self._workers:
            worker.kill()
            worker.wait()
            if worker.stdin is not None:
                with suppress(OSError):
                    worker.stdin.close()
        self._workers = []

    def _end_pause(self) -> None:
        self._is_paused = False

    def _cut(self) -> None:
        assert self._postgres is not None
        self._postgres.kill(self._postgres.sessions(self._url))
