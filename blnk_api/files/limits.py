"""Limits on what is read and reported of a file, and the error for a file that cannot be read."""

from collections.abc import Sequence

from blnk_api.facts.file_shape import Flaw, Record

MAX_BYTES = 100 * 1024 * 1024
"""Streamlit counts its upload limit of 100 MB the same way."""
MAX_ROWS = 1_048_576
MAX_COLUMNS = 500
MAX_CELL_CHARACTERS = 1_048_576
SAMPLES = 20
"""How many records are kept with a file's shape, for guessing and for the preview."""


class FileProblem(Exception):
    """Nothing of the file can be used. `message` tells a person what is wrong and what to do."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


MOST_FLAWS = 50
"""The most flaws reported for one row."""


def no_further(flaws: Sequence[Flaw]) -> tuple[Flaw, ...]:
    """The first flaws of a row. If there are more, the whole row gets an error that fixing the reported cells
    does not remove."""
    if len(flaws) <= MOST_FLAWS:
        return tuple(flaws)
    message = f"More than {MOST_FLAWS} cells in this row have problems. Correct the row in the file."
    return (*flaws[:MOST_FLAWS], Flaw("too_many_flaws", None, message))


_SAMPLE_CHARACTERS = 200


def cut(record: Record) -> Record:
    """A record as a sample, with long cells cut so that a shape stays small."""
    return record._replace(cells=[cell[:_SAMPLE_CHARACTERS] for cell in record.cells])


def no_rows() -> FileProblem:
    """The error for a header with nothing below it."""
    return FileProblem(
        "no_rows", "The file has column names but no rows below them, so there is nothing to import."
    )
