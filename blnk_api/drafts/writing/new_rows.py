"""A checked record as rows of the database, and problems as pages show them."""

from collections.abc import Collection, Sequence

import orjson
from sqlalchemy import Connection

from blnk_api.common.row_label import label_of
from blnk_api.drafts.checking import CheckedRow, ProblemGroup
from blnk_api.drafts.writing.merging import HIDDEN_AND_SKIPPED, LEFT_OUT_BY_A_PERSON
from blnk_api.facts.file_shape import Flaw, Record
from blnk_api.facts.problems import Problem
from blnk_api.facts.totals import ProblemSummary
from blnk_api.files.xlsx.cell_flaws import HIDDEN_ROW
from blnk_api.lookup import refs
from blnk_api.models import IMPORT_ID, IMPORT_REF
from blnk_api.store import rows
from blnk_api.store.checking.checked_rows import NewRow
from blnk_api.store.states import RowState
from blnk_api.store.transitions import move

MOST_ROW_LABELS = 50
"""How many row numbers are stored with each group of problems. The rest is in the rows themselves."""

MADE_BEFORE_FIX = "made_before_fix"
"""The kind of note on a row whose balance appeared before its fix was sent."""

HIDDEN = "The row is hidden in the workbook, so it is skipped."


def is_hidden(record: Record) -> bool:
    """Whether the workbook hides the row."""
    return any(flaw.kind == HIDDEN_ROW for flaw in record.problems)


def skipped(
    record: Record, flaws: Sequence[Flaw], *, by_hand: Collection[int], skips_hidden: bool
) -> NewRow | None:
    """The row of a record that someone skipped, so that it is not checked. None if it must be checked."""
    if record.number in by_hand:
        return _left_out(record, LEFT_OUT_BY_A_PERSON, "Skipped by hand.", flaws)
    if skips_hidden and is_hidden(record):
        return _left_out(record, HIDDEN_AND_SKIPPED, HIDDEN, flaws)
    return None


def _left_out(record: Record, why: str, message: str, flaws: Sequence[Flaw]) -> NewRow:
    """A record that is skipped. `flaws` are those of its row in the file."""
    return NewRow(
        number=record.number,
        part="",
        state=RowState.LEFT_OUT,
        cells=record.cells,
        why=why,
        message=message,
        flaws=flaws,
    )


def new_row(import_id: str, cells: Sequence[str], checked: CheckedRow, flaws: Sequence[Flaw]) -> NewRow:
    """A checked row as it is stored. Here the request gets its final bytes, including our metadata keys."""
    request, problems = checked.request, checked.problems
    errors = (problems or None) and "; ".join(one.message for one in problems if one.severity == "error")
    if request is not None and not errors:
        assert checked.hash is not None
        ref = checked.keep_ref or refs.make_ref(checked.hash, checked.occurrence)
        meta_data = {**request.get("meta_data", {}), IMPORT_REF: ref, IMPORT_ID: import_id}
        body = orjson.dumps({**request, "meta_data": meta_data})
        sent = request["ledger_id"], request["currency"], body, ref
        keys = checked.own_key, checked.twin_key
        # By position: a million rows are created here, and names would cost as much as everything else.
        return NewRow(
            checked.number,
            checked.part,
            RowState.READY,
            cells,
            *sent,
            None,
            None,
            problems,
            None,
            flaws,
            *keys,
        )
    row = NewRow(
        checked.number,
        checked.part,
        RowState.INVALID,
        cells,
        message=errors or None,
        problems=problems,
        flaws=flaws,
        own_key=checked.own_key,
        twin_key=checked.twin_key,
    )
    if checked.balance_id is None:
        return row
    note = next((one.message for one in problems if one.kind == MADE_BEFORE_FIX), None)
    message = note or "The file names this balance, so nothing was sent."
    return row._replace(state=RowState.EXISTS, balance_id=checked.balance_id, message=message)


def invalidate(tx: Connection, number: int, problems: Sequence[Problem]) -> None:
    """Invalidates rows that passed their own check, because of errors that only the whole file shows."""
    for problem in problems:
        for id in rows.ids_of(tx, number, problem.row, problem.part):
            move(tx, [id], from_=RowState.READY, to=RowState.INVALID, message=problem.message)


def summary(one: ProblemGroup) -> ProblemSummary:
    """A group of problems as pages and the command line show it."""
    return ProblemSummary(
        kind=one.kind,
        severity=one.severity,
        column=one.column,
        value=one.value,
        position=one.position,
        message=one.message,
        sentence=one.sentence,
        repair=one.repair,
        rows=tuple(label_of(number, part) for number, part in one.rows[:MOST_ROW_LABELS]),
        count=len(one.rows),
    )
