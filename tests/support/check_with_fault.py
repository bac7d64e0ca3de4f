"""A check of a draft that goes wrong where rows are written: in the way that `CHECK_FAULT` names."""

import os
import signal
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.exc import OperationalError

from blnk_api.drafts import check_draft
from blnk_api.drafts.writing import one_pass, row_writers, writer_process
from blnk_api.store import Store, imports
from blnk_api.store.checking.checked_rows import RowValues
from blnk_api.store.imports import Import


def main() -> None:
    one_pass.insert = writer_process.insert = _insert  # type: ignore[attr-defined]
    check_draft.main()


def _insert(store: Store, import_: Import, new: Sequence[RowValues], records: int) -> None:
    fault, tried = os.environ["CHECK_FAULT"], Path(os.environ["CHECKS_TRIED"])
    with tried.open("a") as file:
        file.write(f"{os.getpid()}\n")
    times = len(tried.read_text().split())
    if fault == "disk is full":
        raise OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))
    if fault == "writer always dies" or (fault == "writer dies" and times == 2):
        os.kill(os.getpid(), signal.SIGKILL)
    if fault == "checker dies" and times == 2:
        os.kill(os.getppid(), signal.SIGKILL)
        while _token(store, import_) == import_.check_token:
            time.sleep(0.01)
    row_writers.insert(store, import_, new, records)


def _token(store: Store, import_: Import) -> str | None:
    with store.read() as tx:
        return imports.by_number(tx, import_.number).check_token
