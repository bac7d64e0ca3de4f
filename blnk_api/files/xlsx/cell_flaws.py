"""Flaws of a workbook's cells and rows."""

from collections.abc import Iterator

from blnk_api.common.quoting import shown
from blnk_api.facts.file_shape import Flaw
from blnk_api.files.limits import MAX_CELL_CHARACTERS
from blnk_api.files.xlsx import displayed_values

HIDDEN_ROW = "hidden_row"


def of(at: int, value: str, kind: str) -> Iterator[Flaw]:
    """The flaws in a cell's text. `at` is its column, `kind` its type in the file."""
    if kind == "e":
        message = f"The cell shows “{shown(value)}”. Correct the formula, or enter the value."
        yield Flaw("cell_error", at, message)
    elif kind == "n" and displayed_values.loses_digits(value):
        message = (
            f"“{shown(value)}” is a number with more than 15 digits, and a spreadsheet loses "
            "the last ones. Store it as text."
        )
        yield Flaw("long_number", at, message, "warning")
    elif len(value) > MAX_CELL_CHARACTERS:
        yield Flaw(
            "cell_too_long", at, "The cell has more than 1,048,576 characters, the most that can be sent."
        )


def unresolved(at: int) -> Flaw:
    """A formula that was never calculated."""
    message = (
        "The formula in this cell has no stored result. Open the file in Excel, save it and upload it again."
    )
    return Flaw("formula_without_result", at, message)


def outside() -> Flaw:
    """A filled cell to the right of the table."""
    message = "A cell to the right of the last column name is skipped."
    return Flaw("outside_table", None, message, "warning")


def row_too_long() -> Flaw:
    """A row with more text than can be sent."""
    message = "This row has more than 8 million characters. Blnk accepts at most 5 MB."
    return Flaw("row_too_long", None, message)


def hidden() -> Flaw:
    """A row that the spreadsheet hides."""
    message = (
        "This row is hidden in the workbook, by a filter, by hand or in a collapsed group. Its balance is "
        "created like the others unless you skip hidden rows."
    )
    return Flaw(HIDDEN_ROW, None, message, "warning")
