"""The checks of connection health that concern this machine and the import database, and what to do."""

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from blnk_api.common import private_files
from blnk_api.desk.desk import Desk
from blnk_api.store.kept_files import referenced_files
from blnk_api.wording import phrases

_LOW_BYTES = 2_000_000_000
_TOO_LOW_BYTES = 200_000_000


class Verdict(Enum):
    FINE = "fine"
    LOOK = "look"
    """It works, but someone should know this."""
    FAILED = "failed"
    UNKNOWN = "unknown"
    """Cannot be determined now; the line says when it will be."""


@dataclass(frozen=True)
class Check:
    """The result of one check. `do` says what to do, `details` what to give to support, if anything."""

    question: str
    verdict: Verdict
    answer: str
    do: str = ""
    details: tuple[tuple[str, str], ...] = ()


def run(desk: Desk) -> Iterator[Check]:
    yield _disk(desk)
    yield _private(desk)
    yield _records(desk)
    if not desk.store.is_sqlite:
        yield _files(desk)


def _disk(desk: Desk) -> Check:
    question = "Is there enough disk space?"
    folder = desk.settings.scratch_dir  # with Postgres, the database has its own disk
    try:
        free = shutil.disk_usage(folder).free
    except OSError as problem:
        return Check(question, Verdict.FAILED, f"{folder} cannot be read: {problem.strerror}.")
    text = f"{free / 1e9:,.1f} GB are free in {folder}."
    needed_to, takes = "sent", "a million rows take about 1 GB"
    if not desk.store.is_sqlite:
        needed_to, takes = "checked", "files are copied there while they are checked"
    if free < _TOO_LOW_BYTES:
        do = f"Free up disk space. Nothing can be {needed_to} without it."
        return Check(question, Verdict.FAILED, text, do)
    if free < _LOW_BYTES:
        return Check(question, Verdict.LOOK, text, f"Free up disk space soon: {takes}.")
    return Check(question, Verdict.FINE, text)


def _private(desk: Desk) -> Check:
    question = "Are the data files protected?"
    settings = desk.settings
    found = private_files.open_to_others([settings.data_dir, settings.secrets_path])
    if not found:
        kept = "the data folder and the secrets file" if desk.store.is_sqlite else "the secrets file"
        text = f"Yes. Only the account that runs Balance Desk can open {kept}."
        return Check(question, Verdict.FINE, text)
    open_ones = phrases.listed([f"{path} (mode {mode:o})" for path, mode in found])
    commands = " and ".join(
        f"chmod {'700' if path == settings.data_dir else '600'} {path}" for path, _ in found
    )
    return Check(
        question,
        Verdict.LOOK,
        f"No. Other accounts on this machine can open {open_ones}.",
        f"Run {commands}.",
    )


def _records(desk: Desk) -> Check:
    question = "Can the import database be written?"
    where = "a file in the data folder" if desk.store.is_sqlite else f"Postgres at {desk.store.url.host}"
    began = time.monotonic()
    try:
        with desk.store.write() as tx:
            tx.execute(text("SELECT 1"))
    except (SQLAlchemyError, OSError):
        return Check(
            question,
            Verdict.FAILED,
            f"No: {where} cannot be written. Nothing is sent until it can be.",
            "Check that the database is running, and that its disk is not full or read-only.",
        )
    milliseconds = (time.monotonic() - began) * 1000
    return Check(question, Verdict.FINE, f"Yes, in {where}, within {max(1, milliseconds):,.0f} ms.")


def _files(desk: Desk) -> Check:
    """If files were in a data folder until now, someone must bring them into the database."""
    question = "Are all files in the import database?"
    try:
        with desk.store.read() as tx:
            left = referenced_files.missing(tx)
    except (SQLAlchemyError, OSError):
        return Check(question, Verdict.UNKNOWN, "Unknown while the import database cannot be read.")
    if not left:
        return Check(question, Verdict.FINE, "Yes. Uploaded files and saved results are all there.")
    are = "is" if len(left) == 1 else "are"
    return Check(
        question,
        Verdict.LOOK,
        f"No. {phrases.plural(len(left), 'uploaded file or saved result')} {are} missing.",
        "If files were kept in a data folder until now: python -m blnk_api take-over FOLDER",
    )
