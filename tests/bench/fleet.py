"""A fleet of workers on one Postgres while machines fail: is every row one balance, and who takes over when?

    python -m tests.bench.fleet [--rounds 20] [--seed S] [--rows 800] [--side-by-side 2] [--minutes 10]
        [--write]

Each round: three workers, each behind a network of its own to the database, and six practice instances at
their rate limits. Two of four things happen, at random: a worker is killed, freezes for 30 seconds, or is
cut off from the database for as long, or Postgres restarts; the second one happens when others have taken
over from the first worker, which may still be away. At the end, what each Blnk contains is compared. Two
rounds run side by side, each with its own Postgres. Then rows a second with one, two and three workers side
by side, where nothing fails. Exit code 1: a row was created twice or lost, or an import was stuck.
`--write` puts the table into tests/bench/RESULTS.md. It takes less than a quarter of an hour: no round
begins after `--minutes`, so a busy machine does fewer of them. Ctrl-C and SIGTERM end it and everything
that it started.
"""

import argparse
import random
import shutil
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from blnk_api.store import Store
from tests.bench.fleet_machine import Strike, drawn
from tests.bench.fleet_round import EndedEarly, Round, Told
from tests.bench.sending import write_results
from tests.bench.trial_rounds import SEED_FILE
from tests.support.postgres import Postgres
from tests.support.practice import PracticeBlnk

INSTANCES = 6
WORKERS = 3
CAP_PER_MINUTE = 2_000
ROWS_WITHOUT_CAP = 1_500
MOST_TAKEOVER_SECONDS = 15.0


@dataclass
class Summary:
    told: list[Told] = field(default_factory=list)
    broke: list[str] = field(default_factory=list)
    """Rounds that could not be carried out, and why."""

    def takeovers(self, *kinds: str) -> list[float]:
        return sorted(
            took
            for one in self.told
            for strike in one.strikes
            if strike.kind in kinds
            for took in strike.takeover_seconds
        )

    @property
    def has_failed(self) -> bool:
        return bool(self.broke) or any(one.failures for one in self.told)

    def table(self) -> str:
        verdicts = [one.verdict for one in self.told]
        lines = [
            ("rounds", f"{len(self.told)}"),
            ("rows", f"{sum(one.rows for one in self.told):,}"),
            *(
                (f"strikes: {kind}", f"{sum(s.kind == kind for one in self.told for s in one.strikes)}")
                for kind in ("kill", "freeze", "cut", "restart")
            ),
            ("**twice**", f"{sum(len(one.twice) for one in verdicts)}"),
            ("**lost**", f"{sum(len(one.lost) for one in verdicts)}"),
            ("**stuck**", f"{sum(len(one.stuck) for one in verdicts)}"),
            ("instances that nobody took over", f"{sum(one.never_taken_over for one in self.told)}"),
            (
                "rounds that were given up, or broke",
                f"{sum(bool(one.gave_up) for one in self.told) + len(self.broke)}",
            ),
            ("untrue", f"{sum(len(one.untrue) for one in verdicts)}"),
            ("rows left to a person", f"{sum(one.for_a_person for one in verdicts)}"),
            *((f"takeover after {kind}", _told(self.takeovers(kind))) for kind in ("kill", "freeze", "cut")),
            ("takeover, all", _told(self.takeovers("kill", "freeze", "cut"), bound=MOST_TAKEOVER_SECONDS)),
        ]
        return "\n".join(
            ["| what | how many |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in lines)]
        )


def _told(seconds: Sequence[float], *, bound: float | None = None) -> str:
    if len(seconds) < 2:
        return f"{len(seconds)} instances"
    p95 = statistics.quantiles(seconds, n=20, method="inclusive")[-1]
    kept = "" if bound is None else f"; bound {bound:.0f} s: {'kept' if p95 <= bound else 'missed'}"
    return (
        f"{len(seconds)} instances: median {statistics.median(seconds):.1f} s, p95 {p95:.1f} s, "
        f"most {seconds[-1]:.1f} s{kept}"
    )


class Site:
    """A Postgres and six practice instances, for one round after another."""

    def __init__(self, folder: Path, ends: threading.Event) -> None:
        self._folder, self._ends = folder, ends
        self._opened = ExitStack()
        try:
            self._postgres = self._opened.enter_context(Postgres())
            migrate(self._postgres)
            self._blnks = [
                self._opened.enter_context(PracticeBlnk(folder / f"blnk-{at}", seed=SEED_FILE))
                for at in range(INSTANCES)
            ]
        except BaseException:
            self._opened.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()

    def round(
        self, name: str, *, workers: int, rows: int, cap: int | None, strikes: Sequence[Strike] = ()
    ) -> Told:
        folder = self._folder / name
        return Round(
            folder,
            self._postgres,
            self._blnks,
            workers=workers,
            rows=rows,
            cap=cap,
            strikes=strikes,
            ends=self._ends,
        ).run()

    def rounds(self, seeds: Iterator[int], rows: int, summary: Summary) -> None:
        for seed in seeds:
            strikes = drawn(random.Random(seed))
            try:
                told = self.round(
                    f"round-{seed}", workers=WORKERS, rows=rows, cap=CAP_PER_MINUTE, strikes=strikes
                )
            except EndedEarly:
                return
            except Exception as problem:  # the others go on, and the exit code says it
                summary.broke.append(f"{seed}: {problem!r}")
                print(f"FAILED {summary.broke[-1]}", flush=True)
                continue
            summary.told.append(told)
            print(f"{seed}: {told}", flush=True)
            for failure in told.failures:
                print(f"FAILED {seed}: {failure}", flush=True)

    def rows_a_second(self) -> str:
        lines = ["| workers | rows a second, all instances |", "| --- | --- |"]
        for workers in range(1, WORKERS + 1):
            told = self.round(f"without-cap-{workers}", workers=workers, rows=ROWS_WITHOUT_CAP, cap=None)
            lines.append(f"| {workers} | {told.rows / told.sending_seconds:,.0f} |")
            print(lines[-1], flush=True)
        return "\n".join(lines)


def migrate(postgres: Postgres) -> None:
    """A database from which the others are copied."""
    postgres.execute("CREATE DATABASE migrated")
    store = Store(postgres.url("migrated"))
    store.migrate()
    store.close()


class _Seeds(Iterator[int]):
    """For several threads, each seed once; none is left when the time is over."""

    def __init__(self, first: int, n: int, *, minutes: float) -> None:
        self._left = iter(range(first, first + n))
        self._until = time.monotonic() + minutes * 60
        self._one_at_a_time = threading.Lock()

    def __next__(self) -> int:
        with self._one_at_a_time:
            if time.monotonic() > self._until:
                raise StopIteration
            return next(self._left)


@contextmanager
def ended_by_signals() -> Iterator[threading.Event]:
    """Set when someone wants it to end."""
    ends = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ends.set())
    yield ends
    if ends.is_set():
        sys.exit("Ended early: nothing is written.")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.fleet")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--rows", type=int, default=800, help="of each instance")
    parser.add_argument("--minutes", type=float, default=10.0, help="no round begins later")
    parser.add_argument("--write", action="store_true", help="put the tables into tests/bench/RESULTS.md")
    parser.add_argument("--side-by-side", type=int, default=2, help="rounds at once; 1 on a busy machine")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="blnk-fleet-"))
    summary, seeds = Summary(), _Seeds(options.seed, options.rounds, minutes=options.minutes)
    with ended_by_signals() as ends:
        with ExitStack() as opened:
            sites = [
                opened.enter_context(Site(folder / f"site-{at}", ends)) for at in range(options.side_by_side)
            ]
            with ThreadPoolExecutor(options.side_by_side) as pool:
                for done in [pool.submit(one.rounds, seeds, options.rows, summary) for one in sites]:
                    done.result()
        if not ends.is_set():
            table = summary.table()
            print(table, flush=True)
            with suppress(EndedEarly), Site(folder / "without-cap", ends) as site:
                table += "\n\n" + site.rows_a_second()
    if options.write:
        command = f"python -m tests.bench.fleet --rounds {options.rounds} --seed {options.seed}"
        write_results("Fleet", command, table)
    if not summary.has_failed:
        shutil.rmtree(folder)
    return 1 if summary.has_failed else 0


if __name__ == "__main__":
    sys.exit(main())
