"""Reads an uploaded file into the journal: detected, matched, every row checked. Nothing is sent.

    python -m blnk_api.imports.prepare IMPORT_ID

A process of its own, so that a long file slows neither the pages nor the sending. When it dies half-way, it
is started again and begins from the file, which lies on the disk.
"""

import os
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import orjson
from sqlalchemy import Connection

from blnk_api import settings as settings_module
from blnk_api.auth import token_source
from blnk_api.client import BlnkClient
from blnk_api.errors import BlnkError, check_not_answered
from blnk_api.imports import mapping as mappings
from blnk_api.imports import reading, refs
from blnk_api.imports.checking import CheckedRow, Checker, Known, Problem, ProblemGroup, group, wanted
from blnk_api.imports.journal import Journal, imports, rows
from blnk_api.imports.journal.imports import Import
from blnk_api.imports.journal.moves import move, note
from blnk_api.imports.journal.rows import NewRow
from blnk_api.imports.journal.states import RowState, Stage
from blnk_api.imports.lookups import known_in_blnk
from blnk_api.imports.mapping import Mapping
from blnk_api.imports.reading import FileProblem, ReadOptions, Record
from blnk_api.models import IMPORT_ID, IMPORT_REF
from blnk_api.settings import Connection as BlnkConnection
from blnk_api.settings import Settings
from blnk_api.token_store import TokenStore

ROWS_PER_WRITE = 2_000
ROWS_TOLD = 50
"""Row numbers kept with each group of problems; the rest is in the rows themselves."""


class Unusable(Exception):
    """The file as a whole cannot be imported; the text is one sentence with what to do."""


def prepare(journal: Journal, settings: Settings, import_id: str) -> None:
    """Takes a draft from UPLOADED to LOOKING, or to UNREADABLE with the reason.

    Raises BlnkError when Blnk does not answer; the draft stays CHECKING and is prepared again.
    """
    with journal.write() as tx:
        import_ = imports.find(tx, import_id)
        if import_ is None or not imports.move_stage(
            tx, import_.number, from_=[Stage.UPLOADED, Stage.CHECKING], to=Stage.CHECKING, stage_progress=0
        ):
            return
        rows.delete_rows(tx, import_.number)
    connection = settings.connection_of(import_.instance)
    try:
        if connection is None:
            raise Unusable("No connection means this import's Blnk any more, so nothing can be checked.")
        _check(journal, settings, connection, import_)
    except BlnkError as problem:
        with journal.write() as tx:
            imports.set_facts(tx, import_.number, problem=check_not_answered(problem))
        raise
    except (FileProblem, Unusable) as problem:
        with journal.write() as tx:
            rows.delete_rows(tx, import_.number)
            imports.move_stage(
                tx, import_.number, from_=[Stage.CHECKING], to=Stage.UNREADABLE, problem=str(problem)
            )
            note(tx, import_.number, who="the check", what="unreadable", why=str(problem))


def _check(journal: Journal, settings: Settings, connection: BlnkConnection, import_: Import) -> None:
    path = settings.uploads_dir / str(import_.file_path)
    shape = reading.detect(path, import_.file_name, ReadOptions(**import_.options))
    # A person's choice stays when a check begins again; what was only guessed is guessed alike.
    chosen = import_.mapping
    mapping = mappings.adopt(Mapping.model_validate(chosen), shape) if chosen else mappings.guess(shape)
    about_columns = mappings.problems(mapping, shape)
    with journal.write() as tx:
        imports.set_facts(
            tx, import_.number, shape=shape.model_dump(mode="json"), mapping=mapping.model_dump(mode="json")
        )
    wrong = [problem.message for problem in about_columns if problem.severity == "error"]
    if wrong:
        raise Unusable(" ".join(wrong))
    asked = wanted(reading.records(path, shape), mapping)
    if asked.records == 0:
        raise FileProblem("no_rows", "The file has column names and no rows under them.")
    store = TokenStore(journal.engine, settings.data_dir)
    with BlnkClient(connection, tokens=token_source(connection, store)) as client:
        known = known_in_blnk(client, asked, mapping)
    checker = Checker(shape, mapping, known, connection.custom_currencies)
    checking = _Checking(journal, import_, checker)
    groups = group(checking.run(reading.records(path, shape), about_columns))
    with journal.write() as tx:
        _finish(tx, import_, checking, groups, known)


class _Checking:
    """One pass over the records: rows go into the journal in chunks, problems come out as a stream."""

    def __init__(self, journal: Journal, import_: Import, checker: Checker) -> None:
        self._journal = journal
        self._import = import_
        self._checker = checker
        self._waiting: list[NewRow] = []
        self.records = 0

    def run(self, records: Iterator[Record], about_columns: Sequence[Problem]) -> Iterator[Problem]:
        yield from about_columns
        for record in records:
            self.records += 1
            for checked in self._checker.check(record):
                self._waiting.append(new_row(self._import.id, record.cells, checked))
                yield from checked.problems
            if len(self._waiting) >= ROWS_PER_WRITE:
                self._write()
        self._write()
        late = self._checker.finish()
        yield from late
        with self._journal.write() as tx:
            invalidate(tx, self._import.number, [one for one in late if one.severity == "error"])

    def _write(self) -> None:
        if not self._waiting:
            return
        with self._journal.write() as tx:
            rows.insert_rows(tx, self._import.number, self._import.instance_number, self._waiting)
            imports.set_facts(tx, self._import.number, stage_progress=self.records)
        self._waiting = []


def new_row(import_id: str, cells: Sequence[str], checked: CheckedRow) -> NewRow:
    """A checked row as the journal keeps it: what is sent is finished here, stamped, to the byte."""
    problems = [asdict(one) for one in checked.problems]
    told = "; ".join(one.message for one in checked.problems if one.severity == "error") or None
    common: dict[str, Any] = {"number": checked.number, "part": checked.part, "cells": cells}
    if checked.balance_id is not None:
        return NewRow(
            **common, state=RowState.EXISTS, balance_id=checked.balance_id, problems=problems,
            message="The file says that this balance exists already; nothing was sent.",
        )  # fmt: skip
    if checked.request is None or told is not None:
        return NewRow(**common, state=RowState.INVALID, message=told, problems=problems)
    request = checked.request
    assert checked.hash is not None
    ref = checked.keep_ref or refs.make_ref(checked.hash, checked.occurrence)
    meta_data = {**request.get("meta_data", {}), IMPORT_REF: ref, IMPORT_ID: import_id}
    return NewRow(
        **common,
        state=RowState.READY,
        ledger_id=request["ledger_id"],
        currency=request["currency"],
        body=orjson.dumps({**request, "meta_data": meta_data}),
        ref=ref,
        problems=problems,
    )


def invalidate(tx: Connection, number: int, problems: Sequence[Problem]) -> None:
    """Rows that passed their own check, and that only the whole file shows to be wrong."""
    for problem in problems:
        for id in rows.ids_of(tx, number, problem.row, problem.part):
            move(tx, [id], from_=RowState.READY, to=RowState.INVALID, message=problem.message)


def _finish(
    tx: Connection, import_: Import, checking: _Checking, groups: Sequence[ProblemGroup], known: Known
) -> None:
    not_checked = [] if known.readable else [
        "These credentials may not read, so ledgers and identities were not checked, rows that exist "
        "already are not found, and a balance whose answer is lost cannot be looked up."
    ]  # fmt: skip
    totals = {
        "records": checking.records,
        "ledger_names": known.ledgers,
        "problems": [problem_group(one) for one in groups],
        "not_checked": not_checked,
    }
    imports.set_facts(tx, import_.number, totals=totals, stage_progress=checking.records)
    imports.move_stage(tx, import_.number, from_=[Stage.CHECKING], to=Stage.LOOKING)


def problem_group(one: ProblemGroup) -> dict[str, Any]:
    """A group of problems as pages and the command line show it."""
    labels = [f"{number}·{part}" if part else str(number) for number, part in one.rows[:ROWS_TOLD]]
    return {
        **{"kind": one.kind, "severity": one.severity, "column": one.column, "value": one.value},
        **{"message": one.message, "sentence": one.sentence, "repair": one.repair},
        **{"rows": labels, "count": len(one.rows)},
    }


def main() -> None:
    """Ends at once when its standard input closes: the worker that started it is gone."""
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    settings = settings_module.load()
    journal = Journal(settings.database_url)
    try:
        prepare(journal, settings, sys.argv[1])
    except BlnkError as problem:
        sys.exit(str(problem))
    finally:
        journal.close()


def _end_with_stdin() -> None:
    while os.read(0, 1024):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
