"""How soon the app answers while bad files are read: requests to its health probe, one after the other.

    python -m tests.bench.health [--quick]

Prints a table and writes it to tests/bench/RESULTS.md. Takes about two minutes (`--quick`: one, with a few of
the files, and nothing is written). The machine should have nothing else to do.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import requests

from blnk_api import settings as settings_module
from blnk_api.drafts import drafts
from blnk_api.settings import Settings
from blnk_api.store import Store, imports
from blnk_api.store.states import Stage
from tests.bench.sending import kept, write_results
from tests.support import costly_workbooks
from tests.support.actors import actor
from tests.support.app import App
from tests.support.costly_workbooks import Make, many_rows

MOST_MS = 500.0
_IDLE_QUESTIONS = 500
_OPEN = (Stage.UPLOADED, Stage.CHECKING)


def upload(store: Store, settings: Settings, path: Path) -> str:
    id = imports.new_id()
    with path.open("rb") as data:
        drafts.upload(
            store,
            settings,
            id=id,
            connection=settings.connections[settings_module.PRACTICE],
            who=actor("bench"),
            file_name=path.name,
            data=data,
        )
    return id


def asked(app: App, go_on: Callable[[int], bool]) -> list[float]:
    """Milliseconds of each request, one after the other on one connection."""
    took: list[float] = []
    with requests.Session() as session:
        while go_on(len(took)):
            began = time.monotonic()
            assert session.get(f"{app.url}/_stcore/health", timeout=60).text == "ok"
            took.append((time.monotonic() - began) * 1000)
    return took


def beside(app: App, folder: Path, books: Sequence[Make]) -> str:
    """A line of the table: from the upload of these workbooks until each is read or rejected."""
    settings = settings_module.load({"BLNK_DATA_DIR": str(app.data_dir)})
    store = Store(settings.database_url)
    paths = [
        costly_workbooks.write(folder / f"{at}-{make.__name__}.xlsx", make()) for at, make in enumerate(books)
    ]
    ids = [upload(store, settings, path) for path in paths]

    def are_being_read(_: int) -> bool:
        with store.read() as tx:
            found = [imports.find(tx, id) for id in ids]
        return any(one is not None and one.stage in _OPEN for one in found)

    began = time.monotonic()
    told = line(f"{len(ids)} bad and long workbooks are read", asked(app, are_being_read))
    store.close()
    return f"{told} {time.monotonic() - began:.0f} s |"


def line(when: str, took: Sequence[float]) -> str:
    figures = f"median {median(took):.1f} ms, {max(took):.0f} ms at most, of {len(took):,}"
    return f"| {when} | {figures} | {MOST_MS:g} ms: {kept(max(took) <= MOST_MS)} |"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    books = [many_rows, *costly_workbooks.BOOKS, many_rows]
    if options.quick:
        books = books[:3]
    with tempfile.TemporaryDirectory() as made, App(Path(made) / "app", waits={}) as app:
        told = [line("nothing is read", asked(app, lambda n: n < _IDLE_QUESTIONS)) + " |"]
        told.append(beside(app, Path(made), books))
    head = ["| while | an answer of /_stcore/health | at most | for |", "| --- | --- | --- | --- |"]
    table = "\n".join([*head, *told])
    print(table)
    if not options.quick:
        write_results("Desk: beside bad files", "python -m tests.bench.health", table)


if __name__ == "__main__":
    main()
