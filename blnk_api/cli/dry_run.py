"""`import FILE --dry-run`: what a check finds, for a person or a program. Sends and stores nothing."""

import re
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import orjson
from sqlalchemy import func, select

from blnk_api.cli import column_options, output
from blnk_api.cli.checking import check
from blnk_api.cli.column_options import BadFile, ColumnOptions
from blnk_api.cli.exit_codes import CommandFailed, ExitCode
from blnk_api.cli.import_options import REQUESTS
from blnk_api.cli.output import remark, say
from blnk_api.cli.progress_line import Progress
from blnk_api.cli.scratch import ScratchSession, aside
from blnk_api.cli.session import Session
from blnk_api.common.row_label import label_of, number_and_part
from blnk_api.drafts import drafts
from blnk_api.errors import BlnkError
from blnk_api.facts import problems
from blnk_api.facts.file_shape import FileShape
from blnk_api.facts.mapping import Mapping as Columns
from blnk_api.facts.problems import Problem
from blnk_api.facts.totals import ProblemSummary
from blnk_api.models import IMPORT_ID
from blnk_api.settings import Connection
from blnk_api.store import imports
from blnk_api.store.imports import Import
from blnk_api.store.states import RowState, Stage
from blnk_api.store.tables import rows as table

_PAGE_ROWS = 2_000


class _Row(NamedTuple):
    """The columns that are read of a row: with a million rows, cells and bodies are read only if needed."""

    id: int
    number: int
    part: str
    state: str
    why: str | None
    message: str | None
    problems: str | None
    body: bytes | None = None


def dry_run(opened: Session, options: Namespace) -> ExitCode:
    path = Path(options.file)
    connection = opened.connection_named(options.connection)
    try:
        understood = column_options.understand(
            path, ColumnOptions.of(options), options.reading, results_of=opened.results_of(connection)
        )
        accepted = [*options.allow_currency, *understood.accepted]
        with aside(opened, connection) as here:
            draft = _checked(here, path, connection, understood.mapping, accepted, options)
            for note in understood.notes:
                remark(note)
            if options.json:
                _print_json(here, path, draft, options.requests)
            else:
                _print_report(here, draft, connection, options.requests)
    except BlnkError as failed:
        raise CommandFailed(f"Blnk could not be read: {failed} Nothing was sent.", ExitCode.STOPPED) from None
    except drafts.UploadRejected as reason:
        raise CommandFailed(str(reason)) from None
    except BadFile as problem:
        if not options.json:
            raise
        empty = dict.fromkeys(("rows", "valid", "invalid", "new", "existing"), 0) | {
            **{"looks_like": 0, "has_balance": 0, "not_checked": []}
        }
        error = {"kind": problem.kind, "message": str(problem)}
        _write({"file": _file(path, problem.shape), "error": error, **empty}, [], [])
        return problem.code
    return ExitCode.LEFT_OVER if draft.counts.get(RowState.INVALID) else ExitCode.FINE


def _checked(
    here: ScratchSession,
    path: Path,
    connection: Connection,
    mapping: Columns,
    accepted: Sequence[str],
    options: Namespace,
) -> Import:
    """Raises BadFile for problems that only reading the whole file shows."""
    id = imports.new_id()
    with path.open("rb") as file:
        drafts.upload(
            here.store,
            here.settings,
            id=id,
            connection=connection,
            who=here.who,
            file_name=output.name_of(path),
            data=file,
            mapping=mapping,
            options=options.reading,
            accepted_currencies=accepted,
        )
    with Progress(options.progress, here, id):
        draft = check(here, id, connection)
    if draft.stage is not Stage.CHECKED:
        raise BadFile(str(draft.stage), draft.problem or "The file cannot be used.")
    return draft


def _print_report(here: ScratchSession, draft: Import, connection: Connection, wanted: str | None) -> None:
    output.say_totals(draft, connection)
    for one in _requests(here, draft, wanted or "0"):
        say(f"Row {one['row']} would be sent as {orjson.dumps(one['body']).decode()}")
    say("This was a dry run: nothing was sent or kept.")


def _print_json(here: ScratchSession, path: Path, draft: Import, wanted: str | None) -> None:
    with here.store.read() as tx:
        query = select(func.count(table.c.number.distinct())).where(
            table.c.import_ == draft.number, table.c.state == RowState.INVALID
        )
        invalid = tx.execute(query).scalar_one()
    records = draft.totals.records or 0
    head = {
        "file": _file(path, draft.shape),
        "error": None,
        **{"rows": records, "valid": records - invalid, "invalid": invalid},
        "new": draft.counts.get(RowState.READY, 0),
        "existing": draft.totals.existing,
        "looks_like": draft.totals.looks_like,
        "has_balance": draft.totals.has_balance,
        "not_checked": drafts.missing_checks(draft),
    }
    _write(head, _problems(here, draft), _requests(here, draft, wanted or str(REQUESTS)))


def _file(path: Path, shape: FileShape | None) -> dict[str, object]:
    known = ("kind", "encoding", "encoding_guessed", "delimiter", "sheet", "header_row")
    return {"name": output.name_of(path), **{key: getattr(shape, key, None) for key in known}}


def _write(head: Mapping[str, object], found: Iterable[object], requests: Iterable[object]) -> None:
    """Writes one object as it is produced: a long file may have a million problems or requests."""
    out = sys.stdout
    out.write(orjson.dumps(head, option=orjson.OPT_INDENT_2).decode().removesuffix("\n}"))
    for name, items in (("problems", found), ("requests", requests)):
        out.write(f',\n  "{name}": [')
        between = "\n    "
        for item in items:
            out.write(between + orjson.dumps(item).decode())
            between = ",\n    "
        out.write("]")
    out.write("\n}\n")


def _requests(here: ScratchSession, draft: Import, wanted: str) -> Iterator[dict[str, object]]:
    """What would be sent, without the import's id, which is different each time."""
    left = None if wanted == "all" else int(wanted)
    for one in _pages(here, draft, ready=True):
        if left is not None and (left := left - 1) < 0:
            return
        body = orjson.loads(one.body or b"")
        body["meta_data"].pop(IMPORT_ID)
        yield {"row": _label(one.number, one.part), "body": body}


def _problems(here: ScratchSession, draft: Import) -> Iterator[dict[str, object]]:
    """All problems: those of the whole file first, then row by row."""
    late = _late(draft)
    for one in late.pop((0, ""), []):
        yield _as_json(0, one)
    number, reported = 0, set[bytes]()
    for row in _pages(here, draft):
        if row.number != number:
            number, reported = row.number, set()
        for found in _of_row(row, late):
            problem = _as_json(row.number, found)
            key = orjson.dumps(problem)
            if key not in reported:
                reported.add(key)
                yield problem


def _of_row(row: _Row, late: Mapping[tuple[int, str], list[Problem]]) -> Iterator[Problem]:
    own = problems.from_json(row.problems)
    reported = set(map(_kind_and_place, own))
    after = [one for one in late.get((row.number, row.part), []) if _kind_and_place(one) not in reported]
    yield from own
    yield from after
    if row.state == RowState.INVALID:
        if not any(one.severity == "error" for one in (*own, *after)):
            yield Problem(row.why or "invalid", row.number, row.part, "", "", row.message or "", "error")
    elif row.why is not None:
        yield Problem(row.why, row.number, row.part, "", "", row.message or "", "warning")


def _kind_and_place(one: Problem) -> tuple[str, str, int | None]:
    return one.kind, one.column, one.position


def _late(draft: Import) -> dict[tuple[int, str], list[Problem]]:
    """Problems that only the whole file shows. They are stored with the groups, not with the rows."""
    found: dict[tuple[int, str], list[Problem]] = {}
    for one in draft.totals.problems:
        for label in one.rows:
            number, part = number_and_part(label)
            message = _seen_from(number, one)
            place = one.severity, one.repair, one.position
            reported = Problem(one.kind, number, part, one.column, one.value or "", message, *place)
            found.setdefault((number, part), []).append(reported)
    for sentence in draft.totals.not_checked:
        reported = Problem("not_checked", 0, "", "", "", sentence, "warning")
        found.setdefault((0, ""), []).append(reported)
    return found


def _seen_from(number: int, group: ProblemSummary) -> str:
    """A group has the message of one of its rows. If it names this row, it means the other one."""
    numbers = (number_and_part(label)[0] for label in group.rows)
    other = next((one for one in numbers if one != number), number)
    return re.sub(rf"\brow {number:,}(?![\d,])", f"row {other:,}", group.message)


def _as_json(number: int, found: Problem) -> dict[str, object]:
    return {
        "row": _label(number, found.part),
        "column": found.column,
        "column_number": None if found.position is None else found.position + 1,
        "kind": found.kind,
        "severity": found.severity,
        "value": found.value,
        "message": found.message,
    }


def _label(number: int, part: str) -> int | str:
    """A number, or a label such as 12·USD for one of several balances of a record."""
    return label_of(number, part) if part else number


_COLUMNS = (
    table.c.id,
    table.c.number,
    table.c.part,
    table.c.state,
    table.c.why,
    table.c.message,
    table.c.problems,
)


def _pages(here: ScratchSession, draft: Import, *, ready: bool = False) -> Iterator[_Row]:
    """Rows in file order; ready ones with their bodies if `ready`."""
    after = 0
    query = select(*_COLUMNS).where(table.c.import_ == draft.number)
    if ready:
        query = select(*_COLUMNS, table.c.body).where(
            table.c.import_ == draft.number, table.c.state == RowState.READY
        )
    while True:
        with here.store.read() as tx:
            part = query.where(table.c.id > after).order_by(table.c.id).limit(_PAGE_ROWS)
            found = tx.execute(part).all()
        if not found:
            return
        after = found[-1].id
        yield from (_Row(*one) for one in found)
