"""Ten thousand broken files: each is read or refused with a sentence, in little time and memory.

    python -m tests.bench.fuzz [--quick]

Prints a table and writes it to tests/bench/RESULTS.md. Takes about two minutes (`--quick`: ten seconds, a
twentieth of the files, and nothing is written).
"""

import argparse
import resource
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.bench.sending import write_results
from tests.support.broken_files import MOST_SECONDS, files, swallow

FILES = 10_000
MOST_MB = 1_000
_SEED = 20_261_122
_ALL_BYTES = 100_000_000
"""No sample is larger."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    n = FILES // 20 if options.quick else FILES
    came_of: Counter[str] = Counter()
    slowest, seconds = "", 0.0
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "upload"
        for name, data in files(n, _SEED, most_bytes=_ALL_BYTES):
            path.write_bytes(data)
            started = time.monotonic()
            came_of[swallow(path, name)] += 1  # raises what a file must never raise
            if (took := time.monotonic() - started) > seconds:
                slowest, seconds = name, took
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    assert seconds < MOST_SECONDS
    assert peak_mb < MOST_MB
    listed = ", ".join(f"{word} {count:,}" for word, count in came_of.most_common())
    lines = [
        f"| mutated files | {n:,} in {time.monotonic() - began:,.0f} s; none raised anything else |",
        f"| what came of them | {listed} |",
        f"| the slowest | {seconds:.2f} s, of {slowest} |",
        f"| memory of the process | {peak_mb:.0f} MB at most |",
    ]
    table = "\n".join(["| what | measured |", "| --- | --- |", *lines])
    print(table)
    if not options.quick:
        write_results("Broken files", "python -m tests.bench.fuzz", table)


if __name__ == "__main__":
    main()
