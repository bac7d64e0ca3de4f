"""Checks a few records of a draft with the same result as a check of the whole file."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from blnk_api.drafts.checking import Checker
from blnk_api.drafts.edits.edited_records import RecordEdits
from blnk_api.drafts.rechecking.whole_check_needed import NotSure
from blnk_api.drafts.writing import merging, new_rows
from blnk_api.facts.file_shape import Record
from blnk_api.facts.problems import Problem
from blnk_api.store import rows
from blnk_api.store.checking.checked_rows import NewRow
from blnk_api.store.imports import Import
from blnk_api.store.rows import StoredRow
from blnk_api.store.states import RowState


@dataclass(frozen=True)
class Checked:
    """`rows` as they are at the end of the check; `problems` in the order of a check."""

    rows: Sequence[NewRow]
    problems: Sequence[Problem]


def in_file(stored: Iterable[StoredRow]) -> list[Record]:
    """The records of these rows without repeats, with their current cells and the flaws from the file."""
    found = {row.number: row for row in stored}
    return [
        Record(number, found[number].cells, rows.flaws_kept(found[number].flaws)) for number in sorted(found)
    ]


def check(import_: Import, checker: Checker, records: Iterable[Record], overlay: RecordEdits) -> Checked:
    """`records` are all that have a key in common, in file order, with the edits of `overlay`."""
    made: list[NewRow] = []
    problems: list[Problem] = []
    for one in records:
        record = overlay.of_record(one)
        skipped = new_rows.skipped(
            record,
            one.problems,
            by_hand=overlay.left_out,
            skips_hidden=bool(import_.options.skip_hidden_rows),
        )
        if skipped:
            made.append(skipped)
            continue
        for checked in checker.check(record):
            made.append(new_rows.new_row(import_.id, record.cells, checked, one.problems))
            problems += checked.problems
    late = checker.finish()
    if any(problem.row == 0 for problem in late):
        raise NotSure  # a problem of the whole file, and so of rows that are not here
    wrong = [problem for problem in late if problem.severity == "error"]
    return Checked([_invalid_if_reported(row, wrong) for row in made], [*problems, *late])


def _invalid_if_reported(row: NewRow, wrong: Sequence[Problem]) -> NewRow:
    """A row that passes its own check, but is invalid because of other rows."""
    if row.state is RowState.READY:
        for one in wrong:
            if one.row == row.number and one.part in ("", row.part):
                return row._replace(state=RowState.INVALID, message=one.message)
    return row


def stands(old: StoredRow, new: NewRow) -> bool:
    """Whether a row equals the result of the new check, including the effect of other rows."""
    if new.state is not RowState.INVALID or new.body is None:
        return merging.is_same(old, new)
    passed = new._replace(state=RowState.READY)
    if old.state is RowState.INVALID:
        return merging.is_same(old._replace(state=RowState.READY), passed) and old.message == new.message
    return old.state is not RowState.READY and merging.is_same(old, passed)


def is_explained(old: StoredRow, new: NewRow) -> bool:
    """Whether checking these records alone reproduces the result of checking the whole file."""
    if old.state is RowState.INVALID and old.balance_id is not None:  # Blnk has another balance under its ref
        return merging.is_same(old._replace(state=RowState.READY), new)
    return stands(old, new)
