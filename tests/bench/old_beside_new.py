"""A version without leases beside this one, on one Postgres: do both ever send?

    python -m tests.bench.old_beside_new --before FOLDER [--rows 1200] [--write]

FOLDER is a checkout of a version from before migration 0019, in which `python` can run it. Three times an
import is confirmed with the old version's command line, and sent by the old version's sender until this
version's worker starts beside it and migrates the database: the old sender runs on, or is frozen until the
import is done, or starts again afterwards. Each version has an access token of its own, so that the
requests tell who sent them. Exit code 1: a row was created twice or not at all, or the old version sent
anything after the new one began. `--write` puts the table into tests/bench/RESULTS.md.
"""

import argparse
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from blnk_api.store import Store, tables
from blnk_api.store.states import ImportState
from tests.bench.sending import write_results
from tests.bench.trial_rounds import SEED_FILE
from tests.support.importer import LEDGER
from tests.support.postgres import Postgres
from tests.support.practice import PracticeBlnk
from tests.support.stalling_proxy import StallingProxy

MOST_SECONDS = 240.0
_LOOK_SECONDS = 0.1
_POST = re.compile(rb"POST [^\r\n ]*/proxy/balances[? ].*?\r\nAuthorization: Bearer ([^\r\n]+)", re.S | re.I)

OldSender = Literal["runs on", "is frozen meanwhile", "starts again afterwards"]
WAYS: tuple[OldSender, ...] = ("runs on", "is frozen meanwhile", "starts again afterwards")


class Listener(StallingProxy):
    """In front of Practice: who sent how many balances, and when."""

    def __init__(self, server_port: int) -> None:
        self.posts: list[tuple[float, str]] = []
        super().__init__(server_port)

    def _pass_on(self, from_: socket.socket, to: socket.socket) -> None:
        with suppress(OSError):
            while data := from_.recv(65536):
                self.posts += [(time.monotonic(), one.decode()) for one in _POST.findall(data)]
                to.sendall(data)
        for one in (from_, to):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def sent_with(self, token: str) -> list[float]:
        return [at for at, by in self.posts if by == token]


@dataclass
class Told:
    way: OldSender
    rows: int
    balances: int = 0
    twice: int = 0
    by_old: int = 0
    by_new: int = 0
    by_old_after_new_began: int = 0
    between_seconds: float = 0.0
    ended_sessions: int = 0
    old_said: str = ""
    failures: list[str] = field(default_factory=list)

    @property
    def line(self) -> str:
        return (
            f"| {self.way} | {self.rows:,} | {self.balances:,} | {self.twice} | {self.by_old:,} | "
            f"{self.by_new:,} | {self.by_old_after_new_began} | {self.between_seconds:.1f} s | "
            f"{self.ended_sessions} | {self.old_said} |"
        )


class Round:
    """Both versions on a new database. Use `close` at the end."""

    def __init__(self, way: OldSender, before: Path, folder: Path, postgres: Postgres, rows: int) -> None:
        self._before, self._folder, self._told = before, folder, Told(way, rows)
        self._postgres = postgres
        self._blnk = PracticeBlnk(folder, seed=SEED_FILE)
        self._blnk.set_limit(3_000)
        self._network = Listener(int(self._blnk.url.rpartition(":")[2].partition("/")[0]))
        self._url = postgres.new_database()
        self._tokens = {"old": self._blnk.new_token(["*"]), "new": self._blnk.new_token(["*"])}
        self._processes: list[subprocess.Popen[bytes]] = []

    def run(self) -> Told:
        told = self._told
        old = self._start("old", "blnk_api.worker.main")
        importing = self._start("old", "blnk_api", "import", str(self._file()), "--yes")
        self._until(lambda: len(self._network.sent_with(self._tokens["old"])) > told.rows / 6, "old sends")
        if told.way == "is frozen meanwhile":
            old.send_signal(signal.SIGSTOP)
            importing.send_signal(signal.SIGSTOP)
        self._start("new", "blnk_api", "worker")
        self._until(lambda: self._end_what_blocks() or self._is_done(), "new is done")
        for one in (old, importing):
            one.send_signal(signal.SIGCONT)
        self._until(lambda: old.poll() is not None, "the old sender ends")
        if told.way == "starts again afterwards":
            again = self._start("old", "blnk_api.worker.main")
            self._until(lambda: again.poll() is not None, "the old sender ends again")
        self._judge()
        return told

    def close(self) -> None:
        for one in self._processes:
            one.kill()
            one.wait()
        self._network.close()
        self._blnk.stop()

    def _judge(self) -> None:
        told = self._told
        refs = self._blnk.refs()
        told.balances, told.twice = len(refs), len(refs) - len(set(refs))
        by_old, by_new = (self._network.sent_with(self._tokens[one]) for one in ("old", "new"))
        told.by_old, told.by_new = len(by_old), len(by_new)
        began = min(by_new, default=float("inf"))
        told.by_old_after_new_began = sum(at >= began for at in by_old)
        told.between_seconds = began - max((at for at in by_old if at < began), default=began)
        lines = (self._folder / "old-blnk_api.worker.main.log").read_text().strip().splitlines()
        told.old_said = lines[-1] if lines else ""
        if told.twice or told.balances != told.rows:
            told.failures.append(f"{told.balances} balances of {told.rows} rows, {told.twice} twice")
        if told.by_old_after_new_began or not by_new:
            told.failures.append(
                f"the old version sent {told.by_old_after_new_began} after the new one began"
            )

    def _file(self) -> Path:
        path = self._folder / "rows.csv"
        rows = "".join(f"{LEDGER},NGN,{at}\n" for at in range(self._told.rows))
        path.write_text(f"ledger_id,currency,customer\n{rows}")
        return path

    def _is_done(self) -> bool:
        store = Store(self._url)
        try:
            with store.read() as tx:
                return tx.execute(select(tables.imports.c.state)).scalars().all() == [ImportState.DONE]
        except SQLAlchemyError:  # it is being migrated
            return False
        finally:
            store.close()

    def _end_what_blocks(self) -> bool:
        """As an administrator does: a frozen old sender keeps what it was writing locked, also from the
        migration. Versions with leases have a timer for that. Returns False."""
        stuck = "state = 'idle in transaction' AND state_change < now() - interval '10 seconds'"
        if found := self._postgres.sessions(self._url, that=stuck):
            self._told.ended_sessions += self._postgres.kill(found)
        return False

    def _until(self, is_so: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + MOST_SECONDS
        while not is_so():
            if time.monotonic() > until:
                raise TimeoutError(f"not within {MOST_SECONDS:.0f} s: {what}; see {self._folder}")
            time.sleep(_LOOK_SECONDS)

    def _start(self, version: Literal["old", "new"], *module: str) -> subprocess.Popen[bytes]:
        home = self._before if version == "old" else Path(__file__).parents[2]
        data = self._folder / version
        data.mkdir(exist_ok=True)
        (data / "secrets.toml").write_text(
            f'practice = false\n[connections.here]\nbase_url = "{self._through_listener()}"\n'
            f'instance_id = "{self._blnk.instance_id}"\nenvironment = "sandbox"\n'
            f'access_token = "{self._tokens[version]}"\nrequests_per_minute = 3000\n'
        )
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("BLNK_", "PYTHON"))}
        env = {
            **kept,
            "BLNK_DATA_DIR": str(data),
            "BLNK_SECRETS_FILE": str(data / "secrets.toml"),
            "BLNK_DATABASE_URL": self._url,
        }
        with (self._folder / f"{version}-{module[0]}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *module],
                cwd=home,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._processes.append(process)
        return process

    def _through_listener(self) -> str:
        return re.sub(r":\d+", f":{self._network.port}", self._blnk.url, count=1)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.old_beside_new")
    parser.add_argument("--before", type=Path, required=True, help="a checkout of a version without leases")
    parser.add_argument("--rows", type=int, default=1_200)
    parser.add_argument("--write", action="store_true", help="put the table into tests/bench/RESULTS.md")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Ended early."))  # with all that it started
    lines = [
        "| the old sender | rows | balances | twice | sent by old | by new | by old after new began | "
        "between the two | sessions ended by hand | the old one's last words |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    failures: list[str] = []
    with Postgres() as postgres:
        for way in WAYS:
            folder = Path(tempfile.mkdtemp(prefix="blnk-old-beside-new-"))
            with ExitStack() as opened:
                one = Round(way, options.before.resolve(), folder, postgres, options.rows)
                opened.callback(one.close)
                told = one.run()
            failures += told.failures
            if not told.failures:
                shutil.rmtree(folder)
            lines.append(told.line)
            print(told.line, *told.failures, sep="\n", flush=True)
    if options.write:
        command = f"python -m tests.bench.old_beside_new --before FOLDER --rows {options.rows}"
        write_results("Old beside new", command, "\n".join(lines))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
