"""What reading a file gives: its shape, its records, and the one sentence when it cannot be read."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from blnk_api.currencies import Severity

MAX_BYTES = 100 * 1024 * 1024
"""As Streamlit counts its upload limit of 100 MB."""
MAX_ROWS = 1_048_576
MAX_COLUMNS = 500
MAX_CELL_CHARACTERS = 1_048_576
SAMPLES = 20
"""Records kept in a shape for guessing and for the first look at a file."""


class FileProblem(Exception):
    """Nothing of the file can be used. `message` is a sentence for a person: what is wrong, what to do."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


class ReadOptions(BaseModel):
    """What a person said about a file. None: find out. `header_row` 0: the file has no column names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoding: str | None = None
    delimiter: str | None = None
    header_row: int | None = Field(default=None, ge=0)
    sheet: str | None = None
    skip_hidden_rows: bool | None = None
    """Rows that a workbook hides are told otherwise, and imported like the others."""


class Flaw(NamedTuple):
    """Something wrong with a record as the file has it. `column` counts from 0; None is the whole row."""

    kind: str
    column: int | None
    message: str
    severity: Severity = "error"
    repair: str | None = None
    """What to put in the cell instead; for a row with too few cells "": take the missing ones as empty."""
    value: str | None = None
    """What to call the cell's text, where the text that was kept does not tell cells apart."""


MOST_FLAWS = 50
"""Told of one row."""


def no_further(flaws: Sequence[Flaw]) -> tuple[Flaw, ...]:
    """The first flaws of a row. Of what is left untold the whole row is an error, which no repair of the
    cells that are told takes away."""
    if len(flaws) <= MOST_FLAWS:
        return tuple(flaws)
    message = f"More than {MOST_FLAWS} cells of this row have something wrong. Correct the row in the file."
    return (*flaws[:MOST_FLAWS], Flaw("too_many_flaws", None, message))


class Record(NamedTuple):
    """One row of the spreadsheet. `number` is the row number that a spreadsheet shows; `cells` are as many as
    the headers and exactly as typed, but for U+FFFD where bytes are no text (there is a flaw then)."""

    number: int
    cells: list[str]
    problems: tuple[Flaw, ...] = ()


class FileShape(BaseModel):
    """How a file is to be read. Travels with the import, so that preview and import read the same."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["csv", "xlsx"]
    encoding: str | None = None
    """As `reading.ENCODINGS` names it; None for a workbook."""
    encoding_guessed: bool = False
    """True when only the person can know whether the text is right: an old 8-bit encoding without a mark."""
    letters: str = ""
    """A cell with letters beyond ASCII, as they were guessed; for the person to look at."""
    strays: str | None = None
    """The encoding that a few lines are probably in which are not in that of the file."""
    delimiter: str | None = None
    spaced_quotes: bool = False
    """Whether spaces between a separator and a quotation mark are no part of a cell."""
    sheet: str | None = None
    sheets: list[str] = []
    header_row: int
    """0 when the file has no column names."""
    headers: list[str]
    """Stripped of spaces around them."""
    samples: list[Record] = []
    """The first records, long cells cut."""
    rows_estimate: int = 0
    """For a progress bar only."""
    remarks: list[Flaw] = []
    """What a person should know of the whole file, such as a sheet that is not read; no error among them."""


_SAMPLE_CHARACTERS = 200


def cut(record: Record) -> Record:
    """A record as a sample: long cells cut, so that a shape stays small."""
    return record._replace(cells=[cell[:_SAMPLE_CHARACTERS] for cell in record.cells])


def no_rows() -> FileProblem:
    """A header and nothing under it."""
    return FileProblem(
        "no_rows", "The file has column names and no rows under them: there is nothing to import."
    )
