"""A line of the table of a draft's rows: what is said of it is true of it now."""

from typing import Any

from blnk_api.drafts.edits.edited_records import RecordEdits
from blnk_api.drafts.guide.grid_lines import lines_of
from blnk_api.facts.problems import Problem
from blnk_api.store.rows import StoredRow
from blnk_api.store.states import RowState


def problem(kind: str = "unknown_ledger", *, at: int | None = 0, **facts: Any) -> Problem:
    return Problem(
        **{
            **{"kind": kind, "row": 8, "part": "", "column": "ledger", "value": "Savngs"},
            **{"message": "Savngs is not a known ledger.", "severity": "error", "position": at},
            **facts,
        }
    )


def row(state: RowState, *problems: Problem, number: int = 8, part: str = "") -> StoredRow:
    return StoredRow(
        id=number,
        number=number,
        part=part,
        state=state,
        cells=["Savngs", "USD"],
        ledger_id=None,
        currency=None,
        body=None,
        ref=None,
        tries=0,
        waits_for_person=False,
        balance_id=None,
        message=None,
        why=None,
        problems=list(problems),
        changed_at=0.0,
    )


def test_a_faulty_cell_is_marked_with_its_message() -> None:
    [line] = lines_of([row(RowState.INVALID, problem())], RecordEdits())
    assert line.faulty == {0: "error"}
    assert [(one.position, one.message) for one in line.problems] == [(0, "Savngs is not a known ledger.")]


def test_a_changed_cell_shows_its_new_value_at_once_and_no_earlier_message() -> None:
    edits = RecordEdits(cells={8: {0: "Savings"}})
    [line] = lines_of([row(RowState.INVALID, problem())], edits)
    assert line.cells == ["Savings", "USD"]
    assert line.is_being_checked
    assert line.faulty == {}
    assert line.problems == []


def test_after_a_changed_cell_is_checked_its_row_shows_the_result() -> None:
    edits = RecordEdits(cells={8: {0: "Savngs"}})
    [line] = lines_of([row(RowState.INVALID, problem())], edits)
    assert not line.is_being_checked
    assert line.faulty == {0: "error"}


def test_a_row_just_skipped_is_shown_as_being_checked_until_it_is() -> None:
    edits = RecordEdits(left_out={8})
    [before] = lines_of([row(RowState.READY)], edits)
    [after] = lines_of([row(RowState.LEFT_OUT)], edits)
    assert (before.is_being_checked, after.is_being_checked) == (True, False)


def test_a_row_skipped_for_another_reason_is_not_shown_as_being_checked() -> None:
    [line] = lines_of([row(RowState.LEFT_OUT)], RecordEdits())
    assert not line.is_being_checked


def test_an_error_hides_a_warning_of_the_same_cell_and_a_note_is_no_mark() -> None:
    warning = problem("control_character", severity="warning")
    [line] = lines_of([row(RowState.INVALID, problem(), warning)], RecordEdits())
    assert line.faulty == {0: "error"}
    [line] = lines_of([row(RowState.READY, warning, problem(at=1, severity="note"))], RecordEdits())
    assert line.faulty == {0: "warning"}


def test_several_balances_of_a_record_are_one_line_and_an_invalid_one_is_the_one_shown() -> None:
    [line] = lines_of(
        [row(RowState.READY, part="USD"), row(RowState.INVALID, problem(), part="EUR")], RecordEdits()
    )
    assert line.row.part == "EUR"
