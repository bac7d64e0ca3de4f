"""How much memory and time a file in Postgres takes.

    python -m tests.bench.kept_files [MEGABYTES]

Prints what one process needed beyond what it had: to put the file there, to read it, to copy it to a disk.
"""

import hashlib
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from blnk_api.store import Store
from blnk_api.store.kept_files.in_postgres import PostgresFiles
from tests.support.postgres import Postgres

NAME = "uploads/imp_1/file"
MEGABYTE = 1 << 20


def peak_megabytes() -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) / 1024


def main(megabytes: int) -> None:
    with Postgres() as server, tempfile.TemporaryFile() as file:
        for _ in range(megabytes):
            file.write(os.urandom(MEGABYTE))
        file.seek(0)
        store = Store(server.new_database())
        store.migrate()
        files = PostgresFiles(store, Path(tempfile.gettempdir()))
        files.put(
            "uploads/first/file", [b"a" * 3 * MEGABYTE]
        )  # what the first load of all costs is not counted
        with files.open("uploads/first/file") as first:
            first.read()
        before = peak_megabytes()

        def put() -> None:
            files.put(NAME, iter(lambda: file.read(MEGABYTE), b""))

        def read() -> None:
            digest = hashlib.sha256()
            with files.open(NAME) as kept:
                while piece := kept.read(MEGABYTE):
                    digest.update(piece)

        def copy() -> None:
            with files.on_disk(NAME) as path:
                assert path.stat().st_size == megabytes * MEGABYTE

        for act in (put, read, copy):
            print(
                f"{act.__name__}: {_seconds(act):.1f} s, {peak_megabytes() - before:.0f} MB more than before"
            )
        store.close()


def _seconds(act: Callable[[], None]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
