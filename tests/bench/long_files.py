"""How long a file of a million rows takes, in this version and in earlier ones."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.bench import files
from tests.bench.command_cpu import run_there

KINDS = {"csv": files.write_csv, "xlsx": files.write_xlsx}
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


class LongFile(NamedTuple):
    """What a file took until it was checked, and a CSV's results as CSV then."""

    check_seconds: float
    peak_mb: float
    results_seconds: float | None = None


def in_turn(folders: Sequence[Path], kind: str, times: int) -> list[LongFile]:
    """The same file in each version's worktree, one after the other, and so again."""
    with tempfile.TemporaryDirectory() as here:
        path = Path(here) / f"rows.{kind}"
        KINDS[kind](path, files.lines(files.ROWS))
        told = [run_there(folder, _ONCE, path) for _ in range(times) for folder in folders]
    return [LongFile(*json.loads(one)) for one in told]
