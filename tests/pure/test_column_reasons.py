"""Why a column is taken for what it is: by its values where they were checked, else by its name."""

import pytest

from blnk_api.drafts.guide.column_reasons import reason
from blnk_api.facts.file_shape import FileShape, Record
from blnk_api.facts.mapping import ColumnUse, Use
from blnk_api.facts.totals import ProblemSummary, Totals
from blnk_api.files.column_labels import letters

SHAPE = FileShape(kind="csv", header_row=1, headers=["ledger", "x"], samples=[Record(2, ["Savings", "1"])])


def totals(*wrong: int, records: int = 60, at: int = 0) -> Totals:
    return Totals(
        records=records,
        problems=tuple(
            ProblemSummary(
                kind="unknown_ledger",
                severity="error",
                column="ledger",
                position=at,
                message="",
                rows=("2",),
                count=n,
            )
            for n in wrong
        ),
    )


LEDGER = ColumnUse(position=0, header="ledger", use=Use.LEDGER)


@pytest.mark.parametrize(
    ("checked", "told"),
    [
        (totals(), "All 60 values are ledgers of your Blnk instance."),
        (totals(records=1), "The only value is a ledger of your Blnk instance."),
        (totals(4, 2), "54 of 60 values are ledgers of your Blnk instance."),
        (
            totals(60),
            "None of the 60 values is a ledger of your Blnk instance. Is this the right column?",
        ),
        (totals().model_copy(update={"left_out": 1}), "All 59 values are ledgers of your Blnk instance."),
        (totals(4, at=1), "All 60 values are ledgers of your Blnk instance."),
        (Totals(), "Recognized by its name."),
    ],
)
def test_checked_values_say_how_certain_a_column_is(checked: Totals, told: str) -> None:
    assert reason(LEDGER, SHAPE, checked) == told


def test_metadata_needs_no_reason_and_an_ignored_column_says_so() -> None:
    assert reason(ColumnUse(position=1, header="x", use=Use.METADATA), SHAPE, totals()) == ""
    ignored = ColumnUse(position=1, header="x", use=Use.IGNORE)
    assert reason(ignored, SHAPE, totals()) == "Not sent, although it has values."
    assert reason(ignored, FileShape(kind="csv", header_row=1, headers=["a", "x"]), totals()) == ""


def test_columns_have_the_letters_of_a_spreadsheet() -> None:
    assert [letters(at) for at in (0, 25, 26, 51, 52, 701, 702)] == ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]
