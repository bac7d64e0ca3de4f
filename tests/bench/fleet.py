"""A fleet of workers on one Postgres while machines fail: is every row one balance, and who takes over when?

    python -m tests.bench.fleet [--rounds 20] [--seed S] [--rows 2000] [--write]

Each round: three workers, each behind a network of its own to the database, and six practice instances at
their rate limits; at random a worker is killed, freezes for 30 seconds, or is cut off from the database, or
Postgres restarts. At the end, what each Blnk contains is compared. Then rows a second with one, two and three
workers side by side, where nothing fails. Exit code 1: a row was created twice or lost, or an import was
stuck. `--write` puts the table into tests/bench/RESULTS.md. A round takes about two minutes.
"""

import argparse
import random
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from blnk_api.store import Store
from tests.bench.fleet_machine import drawn
from tests.bench.fleet_round import CAP_PER_MINUTE, Round, Told
from tests.bench.sending import write_results
from tests.bench.trial_rounds import SEED_FILE
from tests.support.postgres import Postgres
from tests.support.practice import PracticeBlnk

INSTANCES = 6
WORKERS = 3
MOST_TAKEOVER_SECONDS = 15.0
UNLIMITED = None


@dataclass
class Summary:
    told: list[Told] = field(default_factory=list)

    def takeovers(self, *kinds: str) -> list[float]:
        return sorted(
            took
            for one in self.told
            for strike in one.strikes
            if strike.kind in kinds
            for took in strike.takeover_seconds
        )

    @property
    def failed(self) -> list[Told]:
        return [one for one in self.told if one.verdict.failures or one.never_taken_over]

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


@contextmanager
def practice_instances(folder: Path, n: int) -> Iterator[list[PracticeBlnk]]:
    with ExitStack() as stack:
        yield [stack.enter_context(PracticeBlnk(folder / f"blnk-{at}", seed=SEED_FILE)) for at in range(n)]


def migrated(postgres: Postgres) -> None:
    postgres.execute("CREATE DATABASE migrated")
    store = Store(postgres.url("migrated"))
    store.migrate()
    store.close()


def rows_a_second(folder: Path, postgres: Postgres, blnks: Sequence[PracticeBlnk], rows: int) -> str:
    lines = ["| workers | rows a second, all instances |", "| --- | --- |"]
    for workers in range(1, WORKERS + 1):
        round_ = Round(
            folder / f"scale-{workers}",
            postgres,
            blnks,
            workers=workers,
            rows=rows,
            cap=UNLIMITED,
            strikes=(),
        )
        told = round_.run()
        lines.append(f"| {workers} | {told.rows / told.sending_seconds:,.0f} |")
        print(lines[-1], flush=True)
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.fleet")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--rows", type=int, default=2_000, help="of each instance")
    parser.add_argument("--write", action="store_true", help="put the tables into tests/bench/RESULTS.md")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="blnk-fleet-"))
    summary = Summary()
    with Postgres() as postgres, practice_instances(folder, INSTANCES) as blnks:
        migrated(postgres)
        for seed in range(options.seed, options.seed + options.rounds):
            round_ = Round(
                folder / f"round-{seed}",
                postgres,
                blnks,
                workers=WORKERS,
                rows=options.rows,
                cap=CAP_PER_MINUTE,
                strikes=drawn(random.Random(seed)),
            )
            told = round_.run()
            summary.told.append(told)
            print(f"{seed}: {told}", flush=True)
            for failure in told.verdict.failures:
                print(f"FAILED {seed}: {failure}", flush=True)
        table = summary.table()
        print(table, flush=True)
        table += "\n\n" + rows_a_second(folder, postgres, blnks, options.rows)
    if options.write:
        command = f"python -m tests.bench.fleet --rounds {options.rounds} --seed {options.seed}"
        write_results("Fleet", command, table)
    if not summary.failed:
        shutil.rmtree(folder)
    return 1 if summary.failed else 0


if __name__ == "__main__":
    sys.exit(main())
