"""How long a file takes from upload to a checked draft, and how much memory: by the real processes.

    python -m tests.bench.files [--quick] [--only checking]

Prints a table and writes it to tests/bench/RESULTS.md. Takes three minutes or more (`--quick`: one minute, a
twentieth of the rows, and nothing is written). The machine should have nothing else to do.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from blnk_api import settings as settings_module
from blnk_api.common import watched_process
from blnk_api.drafts import drafts
from blnk_api.drafts.check_process import arguments
from blnk_api.files import xlsx_writer
from blnk_api.reports import results
from blnk_api.reports.results import Variant
from blnk_api.store import Store, import_acts, imports, rows
from blnk_api.store.imports import Import
from blnk_api.store.states import RowState, Stage
from tests.bench.sending import write_results
from tests.support.actors import actor
from tests.support.practice import PracticeBlnk

ROWS = 1_000_000
LEDGERS, IDENTITIES = 100, 1_000
HEADER = ["ledger", "currency", "identity", "customer", "branch"]
_EVERY_WRONG = 10_000
"""One row in this many has a misspelled ledger."""
_MADE_BEFORE = 50
"""One row in this many was imported before, when the existence check is measured a second time."""
_POLL_SECONDS = 0.02
_PAGES = 50
_SETTLED_SECONDS = 3.0
"""After the start of a sender."""


def ledger_id(at: int) -> str:
    return f"ldg_{at:08x}-1111-4111-8111-111111111111"


def identity_id(at: int) -> str:
    return f"idt_{at:08x}-aaaa-4aaa-8aaa-aaaaaaaaaaaa"


def lines(n: int) -> Iterator[list[str]]:
    """Five columns: ledgers by name, identities by id, a different customer in each row."""
    for at in range(n):
        ledger = f"Ledger {at % LEDGERS:03d}" if at % _EVERY_WRONG != 17 else "Ledgre 017"
        yield [ledger, "NGN", identity_id(at % IDENTITIES), f"customer-{at:07d}", "Lagos"]


@dataclass
class Ended:
    """What a process cost, with those that it forked."""

    seconds: float
    cpu_seconds: float
    peak_mb: float


class Place:
    """A data folder with a store, connected to a Practice that has the ledgers and identities."""

    def __init__(self, folder: Path, blnk: PracticeBlnk) -> None:
        self.folder = folder
        self.blnk = blnk
        secrets = folder / "secrets.toml"
        secrets.write_text(
            f'practice = false\n[connections.here]\nbase_url = "{blnk.url}"\n'
            f'instance_id = "{blnk.instance_id}"\nenvironment = "sandbox"\n'
            f'access_token = "{blnk.token}"\nrequests_per_minute = 1000000\n'
        )
        self.env = {**os.environ, "BLNK_DATA_DIR": str(folder), "BLNK_SECRETS_FILE": str(secrets)}
        self.settings = settings_module.load(self.env)
        self.store = Store(self.settings.database_url)
        self.store.migrate()

    def upload(self, path: Path) -> str:
        id = imports.new_id()
        with path.open("rb") as data:
            drafts.upload(
                self.store,
                self.settings,
                id=id,
                connection=self.settings.connections["here"],
                who=actor("bench"),
                file_name=path.name,
                data=data,
            )
        return id

    def find(self, id: str) -> Import:
        with self.store.read() as tx:
            found = imports.find(tx, id)
        assert found is not None
        return found

    def discard(self, id: str) -> None:
        with self.store.write() as tx:
            import_acts.cancel(tx, self.find(id).number, who=actor("bench"))

    def until(self, id: str, is_so: Callable[[Import], bool]) -> float:
        """Seconds."""
        began = time.monotonic()
        while not is_so(self.find(id)):
            time.sleep(_POLL_SECONDS)
        return time.monotonic() - began

    @contextmanager
    def worker(self) -> Iterator[None]:
        process = subprocess.Popen(
            [sys.executable, "-m", "blnk_api.worker.main"], env=self.env, stderr=subprocess.DEVNULL
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait()


@contextmanager
def place() -> Iterator[Place]:
    with tempfile.TemporaryDirectory() as folder:
        seed = Path(folder) / "seed.json"
        ledgers = {ledger_id(at): f"Ledger {at:03d}" for at in range(LEDGERS)}
        identities = {identity_id(at): f"Customer {at}" for at in range(IDENTITIES)}
        seed.write_text(json.dumps({"ledgers": ledgers, "identities": identities}))
        with PracticeBlnk(Path(folder), seed=seed) as blnk:
            made = Place(Path(folder), blnk)
            yield made
            made.store.close()


def prepared(here: Place, id: str) -> tuple[Ended, float]:
    """The check as a process of its own, and the longest time in which its progress bar did not move."""
    began = moved = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "blnk_api.drafts.check_draft", *arguments(here.find(id))],
        env=here.env,
        stdin=subprocess.PIPE,
    )
    progress, stood, peak_bytes = 0, 0.0, 0
    while True:
        pid, status, used = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        peak_bytes = max(peak_bytes, watched_process.used(process.pid)[0])
        now = here.find(id).stage_progress
        if now != progress:
            stood = max(stood, time.monotonic() - moved) if progress else stood
            progress, moved = now, time.monotonic()
        time.sleep(0.1)
    assert status == 0
    return Ended(time.monotonic() - began, used.ru_utime + used.ru_stime, peak_bytes / 1e6), stood


def checking(here: Place, path: Path) -> Iterator[str]:
    """Yields lines of the table. The draft that it leaves is used for further measurements."""
    id = here.upload(path)
    ended, stood = prepared(here, id)
    draft = here.find(id)
    assert draft.stage is Stage.LOOKING, draft
    records = draft.totals.records
    what = f"{path.suffix[1:].upper()}, {records:,} rows, {path.stat().st_size / 1e6:.0f} MB"
    yield (
        f"| {what}: read, checked, in the import database | {ended.seconds:.1f} s "
        f"(of them {ended.cpu_seconds:.1f} s of CPU), {ended.peak_mb:.0f} MB at most, "
        f"its progress moved at least each {stood:.1f} s |"
    )


def existing(here: Place, path: Path, n: int) -> Iterator[str]:
    """The existence check, when Blnk is empty, and when it has some of the rows."""
    part = here.folder / "part.csv"
    write_csv(part, (line for at, line in enumerate(lines(n)) if at % _MADE_BEFORE == 0))
    for what in ("none of them", f"{n // _MADE_BEFORE:,} of them"):
        id = here.upload(path)
        prepared(here, id)
        with here.worker():
            seconds = here.until(id, lambda one: one.stage is Stage.CHECKED)
        found = here.find(id).counts.get(RowState.EXISTS, 0)
        yield f"| existence check of {n:,} rows, Blnk holds {what} | {seconds:.1f} s, {found:,} found |"
        if found:
            yield from pages(here, here.find(id))
            yield from exports(here, here.find(id))
        else:
            here.discard(id)
            _import(here, part)


def _import(here: Place, path: Path) -> None:
    id = here.upload(path)
    with here.worker():
        here.until(id, lambda one: one.stage is Stage.CHECKED)
        with here.store.write() as tx:
            draft = here.find(id)
            assert import_acts.confirm(tx, draft, who=actor("bench"), version=draft.version)
        here.until(id, lambda one: one.is_over)


def pages(here: Place, draft: Import) -> Iterator[str]:
    """Pages of a hundred rows anywhere in the import, as the pages of the app request them."""
    chance = random.Random(1)
    last = 0
    with here.store.read() as tx:
        for one in rows.page(tx, draft.number, limit=1):
            last = one.id + draft.row_count - 1
    for what, states in (("of all rows", None), ("of invalid rows", [RowState.INVALID])):
        took = []
        for at in (last - 100, 0, *(chance.randrange(last) for _ in range(_PAGES))):
            began = time.monotonic()
            with here.store.read() as tx:
                rows.page(tx, draft.number, states=states, after=at, limit=100)
            took.append((time.monotonic() - began) * 1000)
        yield (
            f"| a page of 100 {what} among {draft.row_count:,}, its end and {_PAGES} places | median "
            f"{median(took):.1f} ms, {max(took):.1f} ms at most |"
        )


def exports(here: Place, draft: Import) -> Iterator[str]:
    began = time.monotonic()
    size = sum(map(len, results.stream(here.store, draft, Variant.ALL)))
    yield f"| results as CSV | {time.monotonic() - began:.1f} s, {size / 1e6:.0f} MB |"
    began = time.monotonic()
    with results.workbook(here.store, draft, Variant.ALL, here.folder) as made:
        size = made.seek(0, 2)
    yield f"| results as XLSX | {time.monotonic() - began:.1f} s, {size / 1e6:.0f} MB |"


def previews(here: Place, paths: Sequence[Path]) -> Iterator[str]:
    """From the upload to the moment at which a page can show how the file was read, with a sender that was
    idle before."""
    for path in paths:
        took = []
        for _ in range(3):
            with here.worker():
                time.sleep(_SETTLED_SECONDS)
                began = time.monotonic()
                id = here.upload(path)
                here.until(id, lambda one: one.shape is not None)
                took.append(time.monotonic() - began)
            here.discard(id)
        yield (
            f"| first preview of a {path.suffix[1:].upper()} of {path.stat().st_size / 1e6:.0f} MB | "
            f"{', '.join(f'{one:.2f}' for one in took)} s |"
        )


def write_csv(path: Path, found: Iterator[list[str]]) -> None:
    with path.open("w") as file:
        file.writelines(",".join(line) + "\n" for line in (HEADER, *found))


def write_xlsx(path: Path, found: Iterator[list[str]]) -> None:
    with xlsx_writer.made(path.parent, lambda book: book.add_table("Rows", HEADER, found)) as made:
        path.write_bytes(made.read())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=["checking"])
    options = parser.parse_args()
    n = ROWS // 20 if options.quick else ROWS
    with place() as here:
        text, book = here.folder / "rows.csv", here.folder / "rows.xlsx"
        write_csv(text, lines(n))
        write_xlsx(book, lines(n))
        told = [*checking(here, text), *checking(here, book)]
        if options.only is None:
            told += [*previews(here, [text, book]), *existing(here, text, n)]
    table = "\n".join(["| what | measured |", "| --- | --- |", *told])
    print(table)
    if options.quick:
        return
    if options.only is None:
        write_results("Files", "python -m tests.bench.files", table)
    else:
        write_results("Files: read and checked", "python -m tests.bench.files --only checking", table)


if __name__ == "__main__":
    main()
