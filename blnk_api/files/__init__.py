"""Reads any file into records of text, and reports what was detected. The preview and the import share it."""

from collections.abc import Iterator
from pathlib import Path

from blnk_api.facts.file_shape import FileShape, ReadOptions, Record
from blnk_api.files import kinds
from blnk_api.files.csv import reader
from blnk_api.files.csv.encodings import ENCODINGS
from blnk_api.files.limits import MAX_BYTES, FileProblem

__all__ = ["ENCODINGS", "FileProblem", "detect", "records"]

_DETECT = ReadOptions()


def detect(path: Path, name: str, options: ReadOptions = _DETECT) -> FileShape:
    """How a file is read, detected within a second whatever its size. Raises FileProblem.

    `name` is the file's name. Only its extension is used, to explain why a file is rejected.
    """
    size = path.stat().st_size
    if size == 0:
        raise FileProblem("empty", "The file is empty. Choose another file, or save this one again.")
    if size > MAX_BYTES:
        raise FileProblem(
            "too_big",
            f"The file is {size / 1e6:,.0f} MB; at most 100 MB can be read. Split it into several.",
        )
    with path.open("rb") as stream:
        head = stream.read(4_096)
    kinds.refuse_by_first_bytes(head)
    if head.startswith((kinds.OLE, kinds.ZIP)):
        # Imported here, as below: it takes as long to load as all that reads text, which most files are.
        from blnk_api.files.xlsx import workbook

        if head.startswith(kinds.OLE):
            raise workbook.refuse_old(path)
        return workbook.detect(path, options)
    if name.lower().endswith((".xlsx", ".xlsm")):
        raise FileProblem(
            "damaged",
            "This file is named like a workbook but is not one. Open it and save it again as XLSX or CSV.",
        )
    return reader.detect(path, options)


def records(path: Path, shape: FileShape) -> Iterator[Record]:
    """The records under the header as a stream, without blank ones. Raises FileProblem for what only shows on
    the way: too many rows, or a workbook that is damaged further down."""
    if shape.kind == "xlsx":
        from blnk_api.files.xlsx import workbook

        return workbook.records(path, shape)
    return reader.records(path, shape)
