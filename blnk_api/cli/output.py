"""What commands print about an import: before it is confirmed, at its end, and as JSON."""

import logging
import os
import shutil
import sys
import tempfile
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from blnk_api.cli.exit_codes import CommandFailed, ExitCode
from blnk_api.cli.session import Session
from blnk_api.common import log
from blnk_api.common.quoting import shown
from blnk_api.facts.findings import Findings
from blnk_api.facts.totals import ProblemSummary
from blnk_api.reports import results
from blnk_api.reports.results import Variant
from blnk_api.settings import Connection
from blnk_api.store import rows
from blnk_api.store.imports import Import
from blnk_api.store.sending import late_records
from blnk_api.store.states import WORDS, ImportState, PausedBy, RowState
from blnk_api.wording import about_files, about_findings, about_imports, phrases

_log = logging.getLogger("blnk.command")

_PROBLEMS_TOLD = 30
_MOST_ROWS = 10
_LOOK_AT = (RowState.UNKNOWN, RowState.REFUSED, RowState.LEFT_OUT, RowState.INVALID)


def name_of(path: Path) -> str:
    """A file's name as text that can be stored and printed; names on disk may be any bytes."""
    return os.fsencode(path.name).decode("utf-8", "replace")


def say(text: str) -> None:
    """Prints a line to stdout. If nobody reads it, the work continues."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def remark(text: str, level: int = logging.INFO) -> None:
    """Prints a line to stderr, next to the command's output, in the format of the log."""
    if log.is_json():
        _log.log(level, "%s", text)
    else:
        print(text, file=sys.stderr, flush=True)


def say_totals(import_: Import, connection: Connection) -> None:
    """Prints everything that a person must know before confirming."""
    totals, counts = import_.totals, import_.counts
    say(f"{about_imports.title(import_)}: {about_files.reading(import_)}")
    groups = totals.problems
    for one in groups[:_PROBLEMS_TOLD]:
        say(f"  {one.severity}: {one.sentence}{_where(one)}")
    if len(groups) > _PROBLEMS_TOLD:
        say(f"  and {len(groups) - _PROBLEMS_TOLD:,} more kinds of problems")
    for sentence in totals.not_checked:
        say(f"  warning: {sentence}")
    ready = counts.get(RowState.READY, 0)
    where = f"{connection.label} ({connection.name}), {phrases.ENVIRONMENT[connection.instance.environment]}"
    say(f"{phrases.plural(ready, 'balance')} to create in {where}.")
    for part in about_files.by_ledger(totals):
        say(f"  {shown(part.name) or 'ledger'} ({shown(part.ledger_id, 100)}): {part.balances}")
    for state in (RowState.EXISTS, RowState.CREATED, RowState.INVALID, RowState.LEFT_OUT):
        if n := counts.get(state):
            them = "it" if n == 1 else "them"
            say(f"{WORDS[state]}: {phrases.plural(n, 'row')}. Nothing is sent for {them}.")
    if totals.looks_like:
        say("Rows that look like balances created earlier are skipped. Include them on the page “Imports”.")
    if ready:
        say("Balances cannot be deleted.")


def _where(group: ProblemSummary) -> str:
    """ " (rows 3, 17 and 2 more)", or "" for the whole file, which is row 0."""
    if not group.rows or group.rows[0] == "0":
        return ""
    return f" (row{'s' if group.count > 1 else ''} {about_files.row_labels(group.rows, group.count)})"


def ending(import_: Import) -> ExitCode:
    """The exit code for an import's state."""
    match import_.state:
        case ImportState.WAITING:
            return ExitCode.WAITS_FOR_APPROVAL
        case ImportState.PAUSED:
            by_person = import_.paused_by is PausedBy.PERSON
            return ExitCode.INTERRUPTED if by_person else ExitCode.STOPPED
        case ImportState.DONE:
            made = sum(import_.counts.get(one, 0) for one in (RowState.CREATED, RowState.EXISTS))
            found = import_.findings or Findings()
            is_clean = not found.checked or found.clean
            return ExitCode.FINE if made == import_.row_count and is_clean else ExitCode.LEFT_OVER
        case ImportState.CANCELLED:
            return ExitCode.LEFT_OVER
    return ExitCode.INTERRUPTED


def report(opened: Session, import_: Import, out: Path | None = None) -> ExitCode:
    """Prints an import's outcome and what to do next, and writes its results if requested."""
    say(f"{about_imports.title(import_)}: {about_imports.came_to(import_)}.")
    _print_rows(opened, import_)
    if import_.counts.get(RowState.UNKNOWN) and import_.is_over:
        say(
            f"To resolve these rows: python -m blnk_api recheck {import_.id} [ROW …], or the commands link "
            "and "
            "send-again."
        )
    say_late(opened, import_)
    if import_.state is ImportState.DONE:
        found = about_findings.findings(import_.findings or Findings())
        for sentence in found:
            say(sentence)
        if not found:
            say("Verified: each balance is in Blnk exactly once.")
    elif import_.state is ImportState.CANCELLED:
        say("The import was canceled. No more rows are sent.")
    else:
        if import_.state is ImportState.PAUSED:
            say(f"Paused: {import_.paused_reason or 'no reason was recorded.'}")
        say(f"To continue: python -m blnk_api resume {import_.id}")
    if out is not None:
        write_results(opened, import_, out)
    return ending(import_)


def say_late(opened: Session, import_: Import, *, before: str = "") -> None:
    """Prints what became known after an import's end, and which rows are looked up again."""
    with opened.store.read() as tx:
        became_known = about_findings.became_known(tx, import_)
        looks = late_records.of_import(tx, import_.number)
    to_come = about_findings.pending_checks(looks, lambda at: f"{phrases.when(at, UTC)} UTC")
    for sentence in [*became_known, *([to_come] if to_come else [])]:
        say(before + sentence)
    if looks.open and import_.is_over:
        say(
            f"{before}The app does this while it runs. Without the app: python -m blnk_api verify "
            f"{import_.id}"
        )


def _print_rows(opened: Session, import_: Import) -> None:
    """Prints the first rows that need action."""
    with opened.store.read() as tx:
        shown_rows = rows.page(tx, import_.number, states=_LOOK_AT, limit=_MOST_ROWS)
    for row in shown_rows:
        why = row.message or "; ".join(one.message for one in row.problems)
        say(f"  row {row.label}: {row.status}. {shown(why, 300)}")
    more = sum(import_.counts.get(one, 0) for one in _LOOK_AT) - len(shown_rows)
    if more > 0:
        say(
            f"  and {more:,} more. To write all of them to a file: python -m blnk_api results "
            f"{import_.id} OUT.csv"
        )


def writable(path: Path, *, instead_of: Path | None = None) -> None:
    """Raises CommandFailed, before anything is sent, if results could not be written there."""
    if not path.parent.is_dir():
        raise CommandFailed(f"There is no folder {shown(str(path.parent), 200)} to write the results to.")
    if path.is_dir():
        raise CommandFailed(f"{shown(str(path), 200)} is a folder. Name a file to write the results to.")
    if instead_of is not None and path.exists() and path.samefile(instead_of):
        raise CommandFailed("The results would overwrite the file that is imported. Name another file.")


def write_results(opened: Session, import_: Import, path: Path) -> None:
    """Writes every row with its outcome, as XLSX if the name ends that way, otherwise as CSV: completely or
    not at all.

    Raises CommandFailed.
    """
    writable(path)
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name[:40]}.", delete=False) as file:
            try:
                if path.suffix.lower() == ".xlsx":
                    with results.workbook(opened.store, import_, Variant.ALL, path.parent) as made:
                        shutil.copyfileobj(made, file)
                else:
                    file.writelines(results.stream(opened.store, import_, Variant.ALL))
                file.flush()
                os.fsync(file.fileno())
                os.replace(file.name, path)
            except BaseException:
                with suppress(OSError):
                    os.unlink(file.name)
                raise
    except OSError as problem:
        raise CommandFailed(
            f"The results cannot be written to {shown(str(path), 200)}: {problem.strerror}."
        ) from None
    say(f"Results: {path}")


def as_json(opened: Session, import_: Import) -> dict[str, object]:
    """An import for programs. `counts` names every status; times are UTC."""
    with opened.store.read() as tx:
        looks = late_records.of_import(tx, import_.number)
        became_known = about_findings.became_known(tx, import_)
    return {
        "id": import_.id,
        "kind": import_.kind,
        "file": import_.file_name or None,
        "connection": import_.connection,
        "environment": import_.instance.environment,
        "base_url": import_.instance.base_url,
        "instance_id": import_.instance.instance_id,
        "who": phrases.actor(import_.who),
        "created_at": _time(import_.created_at),
        "confirmed_by": phrases.actor(import_.confirmed_by) if import_.confirmed_by else None,
        "confirmed_at": _time(import_.confirmed_at),
        "finished_at": _time(import_.finished_at),
        "state": import_.state,
        "stage": import_.stage if import_.state is ImportState.DRAFT else None,
        "problem": import_.problem,
        "paused_by": import_.paused_by,
        "paused_reason": import_.paused_reason,
        "rows": import_.row_count,
        "counts": import_.statuses,
        "findings": import_.findings and import_.findings.model_dump(exclude_unset=True),
        "found_later": became_known,
        "checked_again": {
            "rows": looks.open,
            "last": _time(looks.last_at),
            "next": _time(looks.next_at),
            "final": _time(looks.until),
        },
    }


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def say_json(value: Any) -> None:
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n")
