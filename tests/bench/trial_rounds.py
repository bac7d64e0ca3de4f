"""The randomized trial: rounds of imports through random faults, several at once, compared with Blnk
afterwards.

    python -m tests.bench.trial_rounds [--rounds N | --minutes M] [--seed S] [--database sqlite|postgres|both]
                                       [--at-once K] [--write]

Round n of a trial with seed S has the seed S + n, which decides all of its plan: `--seed S+n --rounds 1` is
that round again. Exit code 1: a row was created twice or lost, an import was stuck, or the store is wrong.
"""

import argparse
import random
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count, takewhile
from pathlib import Path
from typing import Self

from blnk_api.store import Store
from tests.bench.sending import write_results
from tests.bench.trial_plan import Database, plan
from tests.bench.trial_round import Told, carry_out, folder_of
from tests.support.postgres import Postgres
from tests.support.practice import PracticeBlnk

SEED_FILE = Path(__file__).parent.parent / "samples" / "environment.json"
ROUNDS = 20
AT_ONCE = 8
"""Rounds wait most of the time, so this many keep two cores busy."""


class Trial:
    """The servers that rounds need, and an empty store of each kind to copy. Use it in a `with` statement."""

    def __init__(self, folder: Path, *, at_once: int, postgres: Postgres | None = None) -> None:
        self._folder = folder
        self._at_once = at_once
        self._stack = ExitStack()
        self._lock = threading.Lock()
        self._free: list[PracticeBlnk] = []
        self._postgres = postgres

    def __enter__(self) -> Self:
        for at in range(self._at_once):
            blnk = PracticeBlnk(self._folder / f"blnk-{at}", seed=SEED_FILE)
            self._free.append(self._stack.enter_context(blnk))
        self._sqlite = self._folder / "empty" / "journal.db"
        _migrate(f"sqlite:///{self._sqlite}")
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def round(self, seed: int, database: Database) -> Told:
        """One round. Safe to call from as many threads as there are practice instances."""
        folder = self._folder / f"round-{seed}-{database}"
        planned = plan(seed, database)
        with self._lock:
            blnk = self._free.pop()
            urls = [self._new_store(database, folder_of(folder, at)) for at in range(planned.desks)]
        try:
            server = self._postgres if database == "postgres" else None
            told = carry_out(planned, blnk, urls, folder, server)
        finally:
            self._free.append(blnk)
        if not told.verdict.failures:
            shutil.rmtree(folder)
        return told

    def _new_store(self, database: Database, folder: Path) -> str:
        folder.mkdir(parents=True)
        if database == "sqlite":
            shutil.copy(self._sqlite, folder)
            return f"sqlite:///{folder / 'journal.db'}"
        if self._postgres is None:
            self._postgres = self._stack.enter_context(Postgres())
            self._postgres.execute("CREATE DATABASE migrated")
            _migrate(self._postgres.url("migrated"))
        return self._postgres.new_database(like="migrated")


def _migrate(url: str) -> None:
    made = Store(url)
    made.migrate()
    made.close()


@dataclass
class Summary:
    told: list[Told] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def failed(self) -> list[Told]:
        return [one for one in self.told if one.verdict.failures]

    def _for_a_person(self, *, blind: bool) -> int:
        told = (one for one in self.told if (one.plan.access == "write only") == blind)
        return sum(one.verdict.for_a_person for one in told)

    def table(self) -> str:
        verdicts = [one.verdict for one in self.told]
        databases = [one.plan.database for one in self.told]
        lines = {
            "rounds": f"{len(self.told)} ({databases.count('sqlite')} on SQLite, "
            f"{databases.count('postgres')} on Postgres)",
            "rounds in which a second person approves": sum(one.plan.approval for one in self.told),
            "rounds with two desks": sum(one.plan.desks > 1 for one in self.told),
            "rows": sum(one.plan.rows * one.plan.desks for one in self.told),
            "senders killed": sum(one.kills for one in self.told),
            "other strikes": sum(len(one.plan.strikes) - one.kills for one in self.told),
            "faults met": sum(one.faults for one in self.told),
            "answers lost": sum(one.lost_answers for one in self.told),
            "**twice**": sum(len(one.twice) for one in verdicts),
            "**lost**": sum(len(one.lost) for one in verdicts),
            "**stuck**": sum(len(one.stuck) for one in verdicts),
            "journal untrue": sum(len(one.untrue) for one in verdicts),
            "late twins, each named": sum(one.named for one in verdicts),
            "twins named by a look within the day after": sum(one.named_by_looks for one in self.told),
            "twins of two desks, each named": sum(one.named_of_two_desks for one in verdicts),
            "rows left to a person, where credentials may not read": self._for_a_person(blind=True),
            "rows left to a person otherwise": self._for_a_person(blind=False),
            "seconds": round(self.seconds),
        }
        rows = [
            f"| {name} | {value if isinstance(value, str) else format(value, ',')} |"
            for name, value in lines.items()
        ]
        return "\n".join(["| what | how many |", "| --- | --- |", *rows])


def hold(trial: Trial, seeds: Iterator[int], databases: tuple[Database, ...], at_once: int) -> Summary:
    """Rounds until `seeds` ends. Reports each one that fails, when it does."""
    summary = Summary()
    began = time.monotonic()
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                seed = next(seeds, None)
            if seed is None:
                return
            told = trial.round(seed, databases[seed % len(databases)])
            with lock:
                summary.told.append(told)
                for failure in told.verdict.failures:
                    print(f"FAILED {told.plan}\n    {failure}\n    {told.folder}", flush=True)
                if len(summary.told) % 20 == 0:
                    print(f"{len(summary.told)} rounds, {len(summary.failed)} failed", flush=True)

    with ThreadPoolExecutor(at_once) as pool:
        for working in [pool.submit(work) for _ in range(at_once)]:
            working.result()
    summary.seconds = time.monotonic() - began
    return summary


def _databases(name: str) -> tuple[Database, ...]:
    return {"sqlite": ("sqlite",), "postgres": ("postgres",)}.get(name, ("sqlite", "postgres"))  # type: ignore[return-value]


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/bench/trial")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--rounds", type=int, default=ROUNDS)
    length.add_argument("--minutes", type=float)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--database", choices=["sqlite", "postgres", "both"], default="both")
    parser.add_argument("--at-once", type=int, default=AT_ONCE, help="rounds at the same time")
    parser.add_argument("--write", action="store_true", help="put the summary into tests/bench/RESULTS.md")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    seeds: Iterator[int] = iter(range(options.seed, options.seed + options.rounds))
    if options.minutes is not None:
        until = time.monotonic() + 60 * options.minutes
        seeds = takewhile(lambda _: time.monotonic() < until, count(options.seed))
    folder = Path(tempfile.mkdtemp(prefix="blnk-trial-"))
    with Trial(folder, at_once=options.at_once) as trial:
        summary = hold(trial, seeds, _databases(options.database), options.at_once)
    print(summary.table())
    if options.write:
        length_said = f"--minutes {options.minutes:g}" if options.minutes else f"--rounds {options.rounds}"
        write_results("Trial", f"tests/bench/trial {length_said} --seed {options.seed}", summary.table())
    if not summary.failed:
        shutil.rmtree(folder)
    return 1 if summary.failed else 0


if __name__ == "__main__":
    sys.exit(main())
