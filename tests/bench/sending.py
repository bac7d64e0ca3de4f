"""How fast rows become balances, at what cost: against a bare local server, the sender as its real process.

    python -m tests.bench.sending [--quick] [--only cap|million|twenty]

Prints a table and writes it to tests/bench/RESULTS.md. Takes about 25 minutes (`--quick`: two
minutes, smaller numbers, and nothing is written). The machine should have nothing else to do.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import orjson
import requests
from sqlalchemy import select, text, update

from blnk_api import settings as settings_module
from blnk_api.facts.file_shape import FileShape
from blnk_api.lookup import refs
from blnk_api.store import Store, import_acts, import_changes, imports, tables
from blnk_api.store.checking import checked_rows
from blnk_api.store.checking.checked_rows import NewRow
from blnk_api.store.imports import Import
from blnk_api.store.sending import senders
from blnk_api.store.states import ImportState, RowState, Stage
from tests.support.actors import actor

LATENCY_SECONDS = 0.05
CAP_PER_MINUTE = 100_000
AIM_PER_SECOND = CAP_PER_MINUTE / 60

LEAST_OF_THE_CAP = 0.97
MOST_RATE_LIMITED = 0.001
MOST_CPU_MICROSECONDS = 250
MOST_MB = 300
MOST_SLOWER = 0.1
MOST_SECONDS_FOR_TWENTY = 2

_AT_REST_SECONDS = 1.0
"""After its start a sender has just looked for imports, and looks again a moment later at the earliest.
People confirm when it has been up for a while."""
RESULTS = Path(__file__).parent / "RESULTS.md"
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Moment:
    """The state of a run: seconds, the sender's CPU seconds, rows created."""

    at: float
    cpu: float
    created: int


@contextmanager
def bare_server(*, latency_seconds: float, cap: int | None = None, holds: int = 0) -> Iterator[str]:
    command = [sys.executable, "-m", "tests.bench.bare_server", "--latency", str(latency_seconds)]
    command += ["--holds", str(holds), *(["--cap", str(cap)] if cap else [])]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.stdin.close()
        process.wait()


class Run:
    """One import in a folder of its own, sent by `python -m blnk_api.worker.main`."""

    def __init__(self, url: str, n: int, *, cap: int, most_at_once: int) -> None:
        self.n = n
        self._folder = tempfile.TemporaryDirectory()
        folder = Path(self._folder.name)
        secrets = folder / "secrets.toml"
        secrets.write_text(
            f'practice = false\n[connections.here]\nbase_url = "{url}"\ninstance_id = "i"\n'
            f'environment = "sandbox"\naccess_token = "t"\nrequests_per_minute = {cap}\n'
        )
        self._env = {
            **os.environ,
            "BLNK_DATA_DIR": str(folder),
            "BLNK_SECRETS_FILE": str(secrets),
            "BLNK_MOST_AT_ONCE": str(most_at_once),
        }
        chosen = settings_module.load(self._env)
        self.store = Store(chosen.database_url)
        self.store.migrate()
        self._draft = checked_import(self.store, chosen.connections["here"].instance, n)
        self.moments: list[Moment] = []

    def send(self, *, until_verified: bool = False) -> None:
        """From the sender's start to the last row, with four measurements a second."""
        confirm(self.store, self._draft)
        process = subprocess.Popen(
            [sys.executable, "-m", "blnk_api.worker.main"], env=self._env, stderr=subprocess.DEVNULL
        )
        try:
            while True:
                self.moments.append(Moment(time.monotonic(), cpu_seconds(process.pid), self._created()))
                if self.moments[-1].created == self.n:
                    break
                time.sleep(0.25)
            ended = time.monotonic()
            while until_verified and self._state() != ImportState.DONE:
                time.sleep(0.25)
            self.verify_seconds = time.monotonic() - ended
            self.peak_mb = _peak_mb(process.pid)
        finally:
            process.terminate()
            process.wait()
            self.store.close()
            self._folder.cleanup()

    def call_created(self, url: str) -> None:
        """The state after the last answer: Blnk has the balances of all rows, and verification begins."""
        first = requests.get(f"{url}/stats", timeout=60).json()["first"]
        number, rows_of, counts = self._draft.number, tables.rows, tables.counts
        for start in range(0, self.n, 10_000):
            with self.store.write() as tx:
                tx.execute(
                    update(rows_of)
                    .where(rows_of.c.id > start, rows_of.c.id <= start + 10_000)
                    .values(
                        state=RowState.CREATED,
                        balance_id=text("'bln_' || printf('%032x', id - 1)"),
                    )
                )
        with self.store.write() as tx:
            tx.execute(update(counts).where(counts.c.import_ == number).values(state=RowState.CREATED))
            confirm_it = {"confirmed_at": time.time() - 2 * 60, "created_from": first, "has_sent": True}
            tx.execute(update(tables.imports).values(state=ImportState.VERIFYING, **confirm_it))

    def verify_beside_a_sender(self) -> float:
        """Seconds that verifying what `call_created` left takes, including the start of a sender."""
        process = subprocess.Popen(
            [sys.executable, "-m", "blnk_api.worker.main"], env=self._env, stderr=subprocess.DEVNULL
        )
        try:
            began = time.monotonic()
            while self._state() != ImportState.DONE:
                time.sleep(0.1)
            took = time.monotonic() - began
            self.peak_mb = _peak_mb(process.pid)
            self.cpu_seconds = cpu_seconds(process.pid)
            with self.store.read() as tx:
                findings = imports.by_number(tx, self._draft.number).findings
            assert findings is not None
            assert findings.clean
            assert findings.found == self.n
            return took
        finally:
            process.terminate()
            process.wait()
            self.store.close()
            self._folder.cleanup()

    def confirm_beside_a_sender(self) -> float:
        """Seconds from the confirmation to the end of verification, with ten measurements a second."""
        process = subprocess.Popen(
            [sys.executable, "-m", "blnk_api.worker.main"], env=self._env, stderr=subprocess.DEVNULL
        )
        try:
            while not self._serves():
                time.sleep(0.02)
            time.sleep(_AT_REST_SECONDS)
            began, cpu = time.monotonic(), cpu_seconds(process.pid)
            confirm(self.store, self._draft)
            while self._state() != ImportState.DONE:
                now = time.monotonic() - began
                if not self.moments or now - self.moments[-1].at > 0.1:
                    self.moments.append(Moment(now, cpu_seconds(process.pid), self._created()))
                time.sleep(0.02)
            took = time.monotonic() - began
            self.peak_mb = _peak_mb(process.pid)
            self.cpu_seconds = cpu_seconds(process.pid) - cpu
            return took
        finally:
            process.terminate()
            process.wait()
            self.store.close()
            self._folder.cleanup()

    def _serves(self) -> bool:
        with self.store.read() as tx:
            sender = senders.current(tx)
        return sender is not None and self._draft.instance_number in sender.serves

    def _created(self) -> int:
        counts = tables.counts
        with self.store.read() as tx:
            found = tx.execute(select(counts.c.n).where(counts.c.state == RowState.CREATED)).scalar()
        return found or 0

    def _state(self) -> str:
        with self.store.read() as tx:
            return str(tx.execute(select(tables.imports.c.state)).scalar_one())

    def between(self, low: int, high: int) -> tuple[float, float]:
        """Rows a second and CPU µs a row, from the first moment at `low` rows to the first at `high`."""
        first = next(one for one in self.moments if one.created >= low)
        last = next(one for one in self.moments if one.created >= high)
        made = last.created - first.created
        return made / (last.at - first.at), (last.cpu - first.cpu) / made * 1e6

    def best_minute(self) -> float:
        """Rows created in the minute after the first hundred."""
        first = next(one for one in self.moments if one.created >= 100)
        last = next(one for one in self.moments if one.at >= first.at + 60)
        return (last.created - first.created) * 60 / (last.at - first.at)


def checked_import(store: Store, instance: settings_module.Instance, n: int) -> Import:
    """imp_bench: a draft of n rows for the connection “here”, as it is before it is confirmed."""
    headers = ["ledger", "currency", "identity", "metadata"]
    shape = FileShape(kind="csv", header_row=1, headers=headers)
    with store.write() as tx:
        import_changes.create(
            tx, "imp_bench", kind="file", instance=instance, connection="here", who=actor("bench"),
            file_name="bench.csv", stage=Stage.CHECKED, shape=shape,
        )  # fmt: skip
        made = imports.find(tx, "imp_bench")
        assert made is not None
    for start in range(0, n, 2_000):
        with store.write() as tx:
            new = [bench_row(at) for at in range(start, min(n, start + 2_000))]
            checked_rows.insert_rows(tx, made.number, made.instance_number, new)
    return made


def confirm(store: Store, draft: Import) -> None:
    with store.write() as tx:
        assert import_acts.confirm(tx, draft, who=actor("bench"), version=draft.version)


def bench_row(at: int) -> NewRow:
    fields = {
        "ledger_id": "ldg_11111111-1111-4111-8111-111111111111",
        "currency": "NGN",
        "identity_id": "idt_aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa",
        "meta_data": {"customer": f"customer-{at:07d}", "branch": "Lagos"},
    }
    ref = refs.make_ref(refs.content_hash(fields), 0)
    meta_data = {**fields["meta_data"], "import_ref": ref, "import_id": "imp_bench"}  # type: ignore[dict-item]
    return NewRow(
        number=at + 2,
        part="",
        state=RowState.READY,
        cells=[str(value) for value in fields.values()],
        ledger_id=str(fields["ledger_id"]),
        currency="NGN",
        body=orjson.dumps({**fields, "meta_data": meta_data}),
        ref=ref,
    )


def cpu_seconds(pid: int) -> float:
    parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / _TICKS


def _peak_mb(pid: int) -> float:
    line = next(one for one in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmHWM" in one)
    return int(line.split()[1]) / 1024


def at_the_cap(n: int, times: int = 3) -> list[str]:
    """Several runs: the CPU of a virtual machine is not the same from one minute to the next."""
    held, cpu, floor, refused = [], [], [], 0
    for _ in range(times):
        with bare_server(latency_seconds=LATENCY_SECONDS) as url:
            floor.append(cpu_of_bare_aiohttp(url, n // 4))
        with bare_server(latency_seconds=LATENCY_SECONDS, cap=CAP_PER_MINUTE) as url:
            run = Run(url, n, cap=CAP_PER_MINUTE, most_at_once=256)
            run.send()
            refused += requests.get(f"{url}/stats", timeout=10).json()["refused"]
        held.append(run.best_minute() if n > CAP_PER_MINUTE else run.between(100, n)[0] * 60)
        cpu.append(run.between(100, n)[1])
    share, rate_limited = median(held) / CAP_PER_MINUTE, refused / (n * times)
    return [
        f"| cap {CAP_PER_MINUTE:,} a minute, 50 ms | {_each(held, ',.0f')} rows a minute, median {share:.1%} "
        f"of the cap | at least {LEAST_OF_THE_CAP:.0%}: {kept(share >= LEAST_OF_THE_CAP)} |",
        f"| answered 429 there | {refused} of {n * times:,} "
        f"| under {MOST_RATE_LIMITED:.1%}: {kept(rate_limited < MOST_RATE_LIMITED)} |",
        f"| CPU of the sender there, journal included | {_each(cpu, '.0f')} µs a row, median "
        f"{median(cpu):.0f} | at most {MOST_CPU_MICROSECONDS} µs: "
        f"{kept(median(cpu) <= MOST_CPU_MICROSECONDS)} |",
        f"| of which aiohttp on uvloop costs alone, just before each run | {_each(floor, '.0f')} µs "
        f"a row, median {median(floor):.0f} | |",
    ]


def cpu_of_bare_aiohttp(url: str, n: int) -> float:
    """µs a row, of a client that stores nothing, at the same pace."""
    command = [sys.executable, "-m", "tests.bench.bare_client", url, str(n), str(AIM_PER_SECOND)]
    return float(subprocess.check_output(command))


def kept(is_kept: bool) -> str:
    """Whether a figure is within its bound, in the words of the tables."""
    return "kept" if is_kept else "**missed**"


def _each(figures: list[float], form: str) -> str:
    return ", ".join(format(one, form) for one in figures)


def a_million(n: int) -> list[str]:
    """At the highest limit of Blnk Cloud: whether a row costs as much time at the end as at the beginning."""
    with bare_server(latency_seconds=LATENCY_SECONDS, cap=CAP_PER_MINUTE) as url:
        small = Run(url, n // 100, cap=CAP_PER_MINUTE, most_at_once=256)
        small.send(until_verified=True)
    with bare_server(latency_seconds=LATENCY_SECONDS, cap=CAP_PER_MINUTE) as url:
        run = Run(url, n, cap=CAP_PER_MINUTE, most_at_once=256)
        run.send(until_verified=True)
    window = n // 20
    early, late = run.between(n // 100, n // 100 + window), run.between(n - window, n)
    slower = early[0] / late[0] - 1
    return [
        f"| {n // 100:,} rows | {small.peak_mb:.0f} MB at most in the sender "
        f"| at most {MOST_MB} MB: {kept(small.peak_mb <= MOST_MB)} |",
        f"| {n:,} rows | {run.peak_mb:.0f} MB at most in the sender "
        f"| at most {MOST_MB} MB: {kept(run.peak_mb <= MOST_MB)} |",
        f"| from row {n // 100:,} | {early[0]:,.0f} rows a second, {early[1]:.0f} µs of CPU a row | |",
        f"| up to row {n:,} | {late[0]:,.0f} rows a second, {late[1]:.0f} µs of CPU a row: "
        f"{slower:+.1%} time, {late[1] / early[1] - 1:+.1%} CPU "
        f"| at most {MOST_SLOWER:+.0%} time: {kept(slower <= MOST_SLOWER)} |",
        f"| verifying {n:,} | {run.verify_seconds:,.0f} s | |",
    ]


def machine() -> str:
    model = next(
        (
            one.partition(":")[2].strip()
            for one in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in one
        ),
        platform.machine(),
    )
    return f"{os.cpu_count()} cores ({model}), Python {platform.python_version()}, {platform.system()}"


def twenty_rows(times: int = 5) -> list[str]:
    """From the moment at which a person confirms to the end of verification: by a sender that is already
    running, like the app's, and by one that starts at that moment, like the command line's."""
    up, started = [], []
    for _ in range(times):
        with bare_server(latency_seconds=LATENCY_SECONDS) as url:
            up.append(Run(url, 20, cap=CAP_PER_MINUTE, most_at_once=64).confirm_beside_a_sender())
        with bare_server(latency_seconds=LATENCY_SECONDS) as url:
            run = Run(url, 20, cap=CAP_PER_MINUTE, most_at_once=64)
            run.send(until_verified=True)
            started.append(run.moments[-1].at - run.moments[0].at + run.verify_seconds)
    return [
        f"| 20 rows, verified, by a sender that is up | {_each(up, '.2f')} s, median {median(up):.2f} "
        f"| at most {MOST_SECONDS_FOR_TWENTY} s: {kept(median(up) <= MOST_SECONDS_FOR_TWENTY)} |",
        f"| 20 rows, verified, with the sender's start | {_each(started, '.1f')} s, "
        f"median {median(started):.1f} | |",
    ]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=("cap", "million", "twenty"))
    options = parser.parse_args()
    scale = 20 if options.quick else 1
    parts: dict[str, tuple[str, Callable[[], list[str]]]] = {
        "twenty": ("Twenty rows", twenty_rows),
        "cap": ("At the cap", lambda: at_the_cap(110_000 // scale)),
        "million": ("A million rows", lambda: a_million(1_000_000 // scale)),
    }
    for name, (title, measure) in parts.items():
        if options.only in (None, name):
            table = "\n".join(["| what | measured | bound |", "| --- | --- | --- |", *measure()])
            print(table, flush=True)
            if not options.quick:
                write_results(
                    f"Sending: {title.lower()}",
                    f"python -m tests.bench.sending --only {name}",
                    table,
                    against="bare server on loopback, plain HTTP",
                )


def write_results(title: str, command: str, table: str, *, against: str = "") -> None:
    """Replaces the section of RESULTS.md that has the same title."""
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    against = f", {against}" if against else ""
    section = f"## {title}\n\n{day}, {machine()}{against}: `{command}`\n\n{table}\n"
    old = RESULTS.read_text() if RESULTS.exists() else "# What was measured\n"
    parts = [part for part in old.split("\n## ") if not part.startswith(f"{title}\n")]
    RESULTS.write_text("\n## ".join(parts).rstrip() + f"\n\n{section}")


if __name__ == "__main__":
    main()
