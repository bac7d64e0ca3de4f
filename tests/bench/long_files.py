"""How long a file of a million rows takes, in this version and in an earlier one's, in turn."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from tests.bench import files
from tests.bench.command_cpu import installed
from tests.bench.sending import kept

MOST_OF_BEFORE = {"csv": 0.62, "xlsx": 0.65}
MOST_OF_BEFORE_FOR_RESULTS = 0.6
MOST_MB = 600
_ONCE = """
import json, sys, time
from pathlib import Path
sys.path.insert(0, ".")
from tests.bench import files

path = Path(sys.argv[1])
with files.place() as here:
    id = here.upload(path)
    ended, _ = files.prepared(here, id)
    took = [ended.seconds, ended.peak_mb]
    if path.suffix == ".csv":
        began = time.monotonic()
        store = getattr(here, "store", None) or here.journal  # as it was called before
        for _ in files.results.stream(store, here.find(id), files.Variant.ALL):
            pass
        took.append(time.monotonic() - began)
    print(json.dumps(took))
"""


def beside_before(folders: Sequence[Path], times: int) -> Iterator[str]:
    """Yields lines of the table of `done`. `folders` are of this version and of the one before."""
    with tempfile.TemporaryDirectory() as here:
        for kind, write in (("csv", files.write_csv), ("xlsx", files.write_xlsx)):
            path = Path(here) / f"rows.{kind}"
            write(path, files.lines(files.ROWS))
            now, before = zip(*([_once(one, path) for one in folders] for _ in range(times)), strict=True)
            read = f"reading and checking {files.ROWS:,} rows of {kind.upper()} into the database"
            yield _ratio(read, [one[0] for one in now], [one[0] for one in before], MOST_OF_BEFORE[kind])
            peak = max(one[1] for one in now)
            is_kept = kept(peak <= MOST_MB)
            yield f"| memory of all processes there | {peak:.0f} MB | at most {MOST_MB} MB: {is_kept} |"
            if kind == "csv":
                results = [one[2] for one in now], [one[2] for one in before]
                yield _ratio("their results as CSV", *results, MOST_OF_BEFORE_FOR_RESULTS)


def _ratio(what: str, now: Sequence[float], before: Sequence[float], most: float) -> str:
    each = ", ".join(f"{one:.1f}" for one in now)
    found = median(now) / median(before)
    return (
        f"| {what} | {each} s, before {', '.join(f'{one:.1f}' for one in before)} s; medians {found:.2f} × "
        f"| at most {most} ×: {kept(found <= most)} |"
    )


def _once(folder: Path, path: Path) -> list[float]:
    command = [sys.executable, "-c", _ONCE, str(path)]
    told = subprocess.run(command, env=installed(), cwd=folder, check=True, capture_output=True, text=True)
    found: list[float] = json.loads(told.stdout)
    return found
