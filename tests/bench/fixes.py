"""How long a person waits for a fix in a draft, from the click to the verdict: this version and an earlier
one.

    python -m tests.bench.fixes --before FOLDER [--quick]

FOLDER is a worktree of the version to compare with. Both are measured in turns, each with its own sender,
connected to the same Practice. Prints a table and writes it to tests/bench/RESULTS.md. Takes about ten
minutes (`--quick`: a minute, without the million rows, and nothing is written).
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from tests.bench.files import IDENTITIES, LEDGERS, identity_id, ledger_id, lines, write_csv
from tests.bench.sending import write_results
from tests.support.practice import PracticeBlnk

HERE = Path(__file__).parents[2]
SAMPLE = HERE / "blnk_api" / "practice" / "sample.csv"
SIZES = {60: (7, 0.15), 10_000: (5, 0.1), 1_000_000: (3, 0.1)}
"""Rows: how many fixes are measured, and what part of the earlier time is allowed at most."""
_SAMPLE_LEDGERS = ("Customer wallets", "Savings", "Merchant settlement")
_IN_SAMPLE = ("8", "2", "Customer wallets", "Custmer wallets")
_IN_OTHERS = ("19", "0", "Ledger 017", "Ledgre 017")
"""The row and the column that are fixed, the ledger that is meant, and what was written."""


def times(
    version: Path, folder: Path, blnk: PracticeBlnk, path: Path, fix: Sequence[str]
) -> dict[str, list[float]]:
    """What a version takes, in a data folder of its own."""
    data = folder / f"data-{path.stem}-{version.name}"
    data.mkdir()
    secrets = data / "secrets.toml"
    secrets.write_text(
        f'practice = false\n[connections.here]\nbase_url = "{blnk.url}"\n'
        f'instance_id = "{blnk.instance_id}"\nenvironment = "sandbox"\n'
        f'access_token = "{blnk.token}"\nrequests_per_minute = 1000000\n'
    )
    env = {**os.environ, "BLNK_DATA_DIR": str(data), "BLNK_SECRETS_FILE": str(secrets)}
    script = Path(__file__).with_name("fix_times.py")
    told = subprocess.run(
        [sys.executable, str(script), str(path), *fix],
        env={**env, "PYTHONPATH": str(version)},
        cwd=version,
        check=True,
        stdout=subprocess.PIPE,
    ).stdout
    found: dict[str, list[float]] = json.loads(told)
    return found


def measured(before: Path, folder: Path, blnk: PracticeBlnk, sizes: list[int]) -> Iterator[str]:
    for rows in sizes:
        n, most = SIZES[rows]
        path, cell = SAMPLE, _IN_SAMPLE
        if rows != 60:
            path, cell = folder / f"{rows}.csv", _IN_OTHERS
            write_csv(path, lines(rows))
        old, new = (times(version, folder, blnk, path, [*cell, str(n)]) for version in (before, HERE))
        for what, name in (("a misspelt ledger is fixed", "fixed"), ("and misspelt again", "broken")):
            was, now = median(old[name]), median(new[name])
            yield (
                f"| {rows:,} rows: {what} | {was:.3f} s | {now:.3f} s ({min(new[name]):.3f} to "
                f"{max(new[name]):.3f}) | {now / was:.3f} | at most {most:g} |"
            )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--before", type=Path, required=True)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    sizes = list(SIZES)[:2] if options.quick else list(SIZES)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        seed = folder / "seed.json"
        ledgers = {ledger_id(at): f"Ledger {at:03d}" for at in range(LEDGERS)}
        ledgers |= {ledger_id(LEDGERS + at): name for at, name in enumerate(_SAMPLE_LEDGERS)}
        identities = {identity_id(at): f"Customer {at}" for at in range(IDENTITIES)}
        seed.write_text(json.dumps({"ledgers": ledgers, "identities": identities}))
        with PracticeBlnk(folder, seed=seed) as blnk:
            told = list(measured(options.before.resolve(), folder, blnk, sizes))
    head = (
        "| what, median | before | now (from, to) | now ÷ before | wanted |\n| --- | --- | --- | --- | --- |"
    )
    table = "\n".join([head, *told])
    print(table)
    if not options.quick:
        asked = ["git", "-C", str(options.before), "rev-parse", "--short", "HEAD"]
        commit = subprocess.run(asked, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        command = "python -m tests.bench.fixes --before FOLDER"
        write_results("Fixes in a draft", command, table, against=f"before is {commit}")


if __name__ == "__main__":
    main()
