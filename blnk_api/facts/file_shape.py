"""How a file is to be read: what a person said of it, and what was found out."""

from typing import Literal, NamedTuple

from pydantic import Field

from blnk_api.currencies import Severity
from blnk_api.facts.stored import Stored


class ReadOptions(Stored):
    """What a person said about a file. None: find out. `header_row` 0: the file has no column names."""

    encoding: str | None = None
    delimiter: str | None = None
    header_row: int | None = Field(default=None, ge=0)
    sheet: str | None = None
    skip_hidden_rows: bool | None = None
    """Rows that a workbook hides are told otherwise, and imported like the others."""

    saved_mapping: bool | None = None
    """Where someone saved a mapping for these headers, it is applied: on pages, which say so."""

    def stored(self) -> str:
        return self.model_dump_json(exclude_none=True)


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


class Record(NamedTuple):
    """One row of the spreadsheet. `number` is the row number that a spreadsheet shows; `cells` are as many as
    the headers and exactly as typed, but for U+FFFD where bytes are no text (there is a flaw then)."""

    number: int
    cells: list[str]
    problems: tuple[Flaw, ...] = ()


class FileShape(Stored):
    """How a file is to be read. Travels with the import, so that preview and import read the same."""

    kind: Literal["csv", "xlsx"]
    encoding: str | None = None
    """As `files.ENCODINGS` names it; None for a workbook."""
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
    sheets: list[str] = Field(default_factory=list)
    header_row: int
    """0 when the file has no column names."""
    headers: list[str]
    """Stripped of spaces around them."""
    samples: list[Record] = Field(default_factory=list)
    """The first records, long cells cut."""
    rows_estimate: int = 0
    """For a progress bar only."""
    remarks: list[Flaw] = Field(default_factory=list)
    """What a person should know of the whole file, such as a sheet that is not read; no error among them."""

    def stored(self) -> str:
        return self.model_dump_json()
