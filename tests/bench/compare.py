"""How long the comparison with Blnk takes, and how much memory: by the real sender, with a Practice that
takes as long for each filter as a real Core does.

    python -m tests.bench.compare [--quick]

Prints a table and writes it to tests/bench/RESULTS.md. On a machine that was busy with other things it took
an hour and a half (`--quick`: a minute, with a tenth of the balances and rows, and nothing is written).
"""

import argparse
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import orjson

from blnk_api.store.states import Stage
from tests.bench.files import HEADER, Place, identity_id, ledger_id, place, prepared
from tests.bench.sending import write_results

BALANCES = 1_000_000
CORRECTED = 120_000
MANY = 1_000_000
LEDGERS, IDENTITIES = 100, 1_000
_POLL_SECONDS = 0.05


def line(at: int, branch: str) -> list[str]:
    return [f"Ledger {at % LEDGERS:03d}", "NGN", identity_id(at % IDENTITIES), f"customer-{at:07d}", branch]


def write_csv(path: Path, n: int, branch: str) -> None:
    with path.open("w") as file:
        file.write(",".join(HEADER) + "\n")
        file.writelines(",".join(line(at, branch)) + "\n" for at in range(n))


def fill(folder: Path, n: int) -> None:
    """What an import of `n` rows left in Blnk, written directly into its store."""

    def rows() -> Iterator[tuple[str, str, str, int, int, bytes]]:
        begin = (int(time.time()) - 86_400) * 1_000_000
        for at in range(n):
            mark = f"{at:026d}".translate(str.maketrans("0189", "abcd"))
            meta_data = {"customer": f"customer-{at:07d}", "branch": "Lagos", "import_ref": f"v1-{mark}-0"}
            yield (
                f"bln_{at:032x}",
                ledger_id(at % LEDGERS),
                identity_id(at % IDENTITIES),
                begin + at * 1_000,
                begin + at * 1_000,
                orjson.dumps({**meta_data, "import_id": "imp_0"}),
            )

    store = sqlite3.connect(folder / "practice" / "practice.sqlite")
    with store:
        store.executemany(
            "INSERT INTO balances (balance_id, ledger_id, identity_id, created_at, committed_at, meta_data, "
            "currency, track_fund_lineage, allocation_strategy) "
            "VALUES (?, ?, ?, ?, ?, CAST(? AS TEXT), 'NGN', 0, 'FIFO')",
            rows(),
        )
    store.close()


def compared(here: Place, path: Path, n: int) -> str:
    """A line of the table: from the end of the check to the draft that a person sees."""
    id = here.upload(path)
    ended, _ = prepared(here, id)
    worker = subprocess.Popen(
        [sys.executable, "-m", "blnk_api.worker.main"], env=here.env, stderr=subprocess.DEVNULL
    )
    began, peak_mb = time.monotonic(), 0.0
    try:
        while here.find(id).stage is not Stage.CHECKED:
            peak_mb = max(peak_mb, _peak_mb(worker.pid))
            time.sleep(_POLL_SECONDS)
        seconds = time.monotonic() - began
    finally:
        worker.terminate()
        worker.wait()
    draft = here.find(id)
    here.discard(id)
    assert not draft.totals.not_checked, draft.totals
    return (
        f"| {n:,} rows, all corrected in one column | {seconds:.0f} s; skipped as look-alikes "
        f"{draft.totals.looks_like:,}, new {draft.totals.balances:,} | {peak_mb:.0f} MB in the sender, "
        f"{ended.peak_mb:.0f} MB in the check before |"
    )


def _peak_mb(pid: int) -> float:
    for told in Path(f"/proc/{pid}/status").read_text().splitlines():
        if told.startswith("VmHWM"):
            return int(told.split()[1]) / 1024
    return 0.0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    part = 10 if options.quick else 1
    with place() as here:
        fill(here.folder, BALANCES // part)
        here.blnk.order_fault("as_measured")
        told = []
        for n in (CORRECTED // part, MANY // part):
            path = here.folder / "corrected.csv"
            write_csv(path, n, "Abuja")
            told.append(compared(here, path, n))
            print(told[-1], flush=True)
    load = os.getloadavg()[2]
    head = f"| Blnk holds {BALANCES // part:,} balances | looked up and compared | memory at most |"
    note = f"\n\nLoad of the machine in the quarter of an hour before its end: {load:.1f}."
    table = "\n".join([head, "| --- | --- | --- |", *told]) + note
    print(table)
    if not options.quick:
        write_results("Comparing", "python -m tests.bench.compare", table)


if __name__ == "__main__":
    main()
