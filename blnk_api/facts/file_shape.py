"""How a file is read: what a person chose, and what was detected."""

from typing import Literal, NamedTuple

from pydantic import Field

from blnk_api.currencies import Severity
from blnk_api.facts.stored import Stored


class ReadOptions(Stored):
    """What a person chose for a file. None means detect. `header_row` 0 means that there are no column
    names."""

    encoding: str | None = None
    delimiter: str | None = None
    header_row: int | None = Field(default=None, ge=0)
    sheet: str | None = None
    skip_hidden_rows: bool | None = None
    """Rows that a workbook hides are reported as hidden, and imported like the others unless this is set."""

    saved_mapping: bool | None = None
    """Whether to apply a mapping that was saved for these headers. Pages do, and say so."""

    def stored(self) -> str:
        return self.model_dump_json(exclude_none=True)


class Flaw(NamedTuple):
    """Something wrong with a record of the file. `column` counts from 0; None means the whole row."""

    kind: str
    column: int | None
    message: str
    severity: Severity = "error"
    repair: str | None = None
    """The suggested text for the cell. "" for a row with too few cells: the missing ones are empty."""
    value: str | None = None
    """What to call the cell's text, if the stored text is the same for different cells."""


class Record(NamedTuple):
    """One row of the spreadsheet. `number` is its row number there. `cells` has one cell for each header,
    exactly as typed, except that undecodable bytes become U+FFFD (with a flaw)."""

    number: int
    cells: list[str]
    problems: tuple[Flaw, ...] = ()


class FileShape(Stored):
    """How a file is read. Stored with the import, so that preview and import read the same."""

    kind: Literal["csv", "xlsx"]
    encoding: str | None = None
    """A name from `files.ENCODINGS`, or None for a workbook."""
    encoding_guessed: bool = False
    """Whether only a person can tell if the text is right: a legacy 8-bit encoding without a mark."""
    letters: str = ""
    """A cell with letters beyond ASCII, as decoded with the guessed encoding, for a person to check."""
    strays: str | None = None
    """The probable encoding of a few lines that are not in the file's own encoding."""
    delimiter: str | None = None
    spaced_quotes: bool = False
    """Whether spaces between a separator and a quotation mark are ignored."""
    sheet: str | None = None
    sheets: list[str] = Field(default_factory=list)
    header_row: int
    """0 if the file has no column names."""
    headers: list[str]
    """Without surrounding spaces."""
    samples: list[Record] = Field(default_factory=list)
    """The first records, with long cells cut."""
    rows_estimate: int = 0
    """An estimate, for progress bars only."""
    remarks: list[Flaw] = Field(default_factory=list)
    """Notes about the whole file, such as a sheet that is not read. Never errors."""

    def stored(self) -> str:
        return self.model_dump_json()
