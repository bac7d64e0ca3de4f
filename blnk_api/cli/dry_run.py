"""`import FILE --dry-run`: all that a check finds, for a person or a program. Sends and keeps nothing."""

import re
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Column, Row, func, select

from blnk_api.cli import column_options, output
from blnk_api.cli.checking import check
from blnk_api.cli.column_options import BadFile, Wishes
from blnk_api.cli.exits import Ends, Exit
from blnk_api.cli.output import say
from blnk_api.cli.progress_line import Progress
from blnk_api.cli.scratch import Aside, aside
from blnk_api.cli.session import Opened
from blnk_api.drafts import drafts
from blnk_api.drafts.mapping import Mapping as Columns
from blnk_api.errors import BlnkError
from blnk_api.models import IMPORT_ID
from blnk_api.settings import Connection
from blnk_api.store import imports
from blnk_api.store.imports import Import
from blnk_api.store.states import RowState, Stage
from blnk_api.store.tables import rows

REQUESTS = 5
"""Told when nobody says how many."""
_PAGE_ROWS = 2_000


def dry_run(opened: Opened, options: Namespace) -> Exit:
    path = Path(options.file)
    connection = opened.connection_named(options.connection)
    try:
        understood = column_options.understand(
            path, Wishes.of(options), options.reading, results_of=opened.results_of(connection)
        )
        accepted = [*options.allow_currency, *understood.accepted]
        with aside(opened, connection) as here:
            draft = _checked(here, path, connection, understood.mapping, accepted, options)
            for note in understood.notes:
                print(note, file=sys.stderr)
            if options.json:
                _say_json(here, path, draft, options.requests)
            else:
                _say(here, draft, connection, options.requests)
    except BlnkError as failed:
        raise Ends(f"Blnk does not answer: {failed} Nothing was sent.", Exit.STOPPED) from None
    except drafts.NotKept as reason:
        raise Ends(str(reason)) from None
    except BadFile as problem:
        if not options.json:
            raise
        shape = problem.shape.model_dump() if problem.shape else {}
        empty = dict.fromkeys(("rows", "valid", "invalid", "new", "existing"), 0) | {
            **{"looks_like": 0, "has_balance": 0, "not_checked": []}
        }
        error = {"kind": problem.kind, "message": str(problem)}
        _write({"file": _file(path, shape), "error": error, **empty}, [], [])
        return problem.code
    return Exit.LEFT_OVER if draft.counts.get(RowState.INVALID) else Exit.FINE


def _checked(
    here: Aside,
    path: Path,
    connection: Connection,
    mapping: Columns,
    accepted: Sequence[str],
    options: Namespace,
) -> Import:
    """Raises BadFile for what only reading all of it shows."""
    id = imports.new_id()
    with path.open("rb") as file:
        drafts.upload(
            here.journal,
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


def _say(here: Aside, draft: Import, connection: Connection, wanted: str | None) -> None:
    output.say_totals(draft, connection)
    for one in _requests(here, draft, wanted or "0"):
        say(f"Row {one['row']} would be sent as {orjson.dumps(one['body']).decode()}")
    say("This was a dry run: nothing was sent, and nothing is kept.")


def _say_json(here: Aside, path: Path, draft: Import, wanted: str | None) -> None:
    with here.journal.read() as tx:
        asked = select(func.count(rows.c.number.distinct())).where(
            rows.c.import_ == draft.number, rows.c.state == RowState.INVALID
        )
        invalid = tx.execute(asked).scalar_one()
    records = draft.totals["records"]
    head = {
        "file": _file(path, draft.shape or {}),
        "error": None,
        **{"rows": records, "valid": records - invalid, "invalid": invalid},
        "new": draft.counts.get(RowState.READY, 0),
        "existing": draft.totals["existing"],
        "looks_like": draft.totals["looks_like"],
        "has_balance": draft.totals["has_balance"],
        "not_checked": drafts.missing_checks(draft),
    }
    _write(head, _problems(here, draft), _requests(here, draft, wanted or str(REQUESTS)))


def _file(path: Path, shape: Mapping[str, Any]) -> dict[str, Any]:
    known = ("kind", "encoding", "encoding_guessed", "delimiter", "sheet", "header_row")
    return {"name": output.name_of(path), **{key: shape.get(key) for key in known}}


def _write(
    head: Mapping[str, Any], problems: Iterable[Mapping[str, Any]], requests: Iterable[Mapping[str, Any]]
) -> None:
    """One object, written as it is found: a long file has a million of either."""
    out = sys.stdout
    out.write(orjson.dumps(head, option=orjson.OPT_INDENT_2).decode().removesuffix("\n}"))
    for name, items in (("problems", problems), ("requests", requests)):
        out.write(f',\n  "{name}": [')
        between = "\n    "
        for item in items:
            out.write(between + orjson.dumps(item).decode())
            between = ",\n    "
        out.write("]")
    out.write("\n}\n")


def _requests(here: Aside, draft: Import, wanted: str) -> Iterator[dict[str, Any]]:
    """What would be sent, without the import's id, which is another one each time."""
    left = None if wanted == "all" else int(wanted)
    for one in _pages(here, draft, rows.c.body, state=RowState.READY):
        if left is not None and (left := left - 1) < 0:
            return
        body = orjson.loads(one.body)
        body["meta_data"].pop(IMPORT_ID)
        yield {"row": _label(one.number, one.part), "body": body}


def _problems(here: Aside, draft: Import) -> Iterator[dict[str, Any]]:
    """All that there is to tell, the whole file first, then row by row."""
    late = _late(draft)
    for one in late.pop((0, ""), []):
        yield _problem(0, "", one)
    number, told = 0, set[bytes]()
    for row in _pages(here, draft):
        if row.number != number:
            number, told = row.number, set()
        for found in _of_row(row, late):
            problem = _problem(row.number, found.get("part", row.part), found)
            key = orjson.dumps(problem)
            if key not in told:
                told.add(key)
                yield problem


def _of_row(row: Row[Any], late: Mapping[tuple[int, str], list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    own = orjson.loads(row.problems) if row.problems else []
    told = set(map(_kind_and_place, own))
    after = [one for one in late.get((row.number, row.part), []) if _kind_and_place(one) not in told]
    yield from own
    yield from after
    if row.state == RowState.INVALID:
        if not any(one["severity"] == "error" for one in (*own, *after)):
            yield {"kind": row.why or "invalid", "severity": "error", "message": row.message}
    elif row.why is not None:
        yield {"kind": row.why, "severity": "warning", "message": row.message}


def _kind_and_place(one: Mapping[str, Any]) -> tuple[str, str, int | None]:
    return one["kind"], one["column"], one.get("position")


def _late(draft: Import) -> dict[tuple[int, str], list[dict[str, Any]]]:
    """What only the whole file showed, which stands with the groups and not with the rows."""
    found: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for one in draft.totals.get("problems", []):
        for label in one["rows"]:
            number, _, part = label.partition("·")
            told = {**one, "part": part, "message": _seen_from(int(number), one)}
            found.setdefault((int(number), part), []).append(told)
    for sentence in draft.totals.get("not_checked", []):
        told = {"kind": "not_checked", "severity": "warning", "message": sentence}
        found.setdefault((0, ""), []).append(told)
    return found


def _seen_from(number: int, group: Mapping[str, Any]) -> str:
    """A group has the words of one of its rows; where they name this row, the other one is meant."""
    numbers = (int(label.partition("·")[0]) for label in group["rows"])
    other = next((one for one in numbers if one != number), number)
    return re.sub(rf"\brow {number:,}(?![\d,])", f"row {other:,}", group["message"])


def _problem(number: int, part: str, found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "row": _label(number, part),
        "column": found.get("column") or "",
        "column_number": None if found.get("position") is None else found["position"] + 1,
        "kind": found["kind"],
        "severity": found["severity"],
        "value": found.get("value") or "",
        "message": found["message"],
    }


def _label(number: int, part: str) -> int | str:
    """A number, but for one of several balances of a record: 12·USD."""
    return f"{number}·{part}" if part else number


_COLUMNS = (
    *(rows.c.id, rows.c.number, rows.c.part),
    *(rows.c.state, rows.c.why, rows.c.message, rows.c.problems),
)


def _pages(
    here: Aside, draft: Import, *also: Column[Any], state: RowState | None = None
) -> Iterator[Row[Any]]:
    """Rows in file order."""
    after = 0
    query = select(*_COLUMNS, *also).where(rows.c.import_ == draft.number)
    if state is not None:
        query = query.where(rows.c.state == state)
    while True:
        with here.journal.read() as tx:
            part = query.where(rows.c.id > after).order_by(rows.c.id).limit(_PAGE_ROWS)
            found = tx.execute(part).all()
        if not found:
            return
        after = found[-1].id
        yield from found
