"""Reads a file's records twice: first for what must be looked up in Blnk, then to check each row."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import orjson

from blnk_api import files
from blnk_api.facts.file_shape import FileShape, Flaw, Record

_BUFFER_BYTES = 1 << 20
_FEW_BYTES = 2_000_000
"""The records of a text file of this size take some ten megabytes of memory."""


class TwoPasses:
    """Reads a workbook once, and a plain copy of its records for the second pass, which takes a tenth of the
    time. The records of a short text file are kept instead.

    The copy is an unnamed file in `folder`, deleted afterwards. Raises FileProblem, and OSError if the disk
    is full.
    """

    def __init__(self, path: Path, shape: FileShape, folder: Path) -> None:
        self._path = path
        self._shape = shape
        self._copy = (
            tempfile.TemporaryFile(dir=folder, buffering=_BUFFER_BYTES)  # noqa: SIM115 (closed on leaving)
            if shape.kind == "xlsx"
            else None
        )
        self._kept: list[Record] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if self._copy is not None:
            self._copy.close()

    def first(self) -> Iterator[Record]:
        """Must be read to its end."""
        if self._copy is None and self._path.stat().st_size <= _FEW_BYTES:
            self._kept = list(files.records(self._path, self._shape))
            yield from self._kept
            return
        for record in files.records(self._path, self._shape):
            if self._copy is not None:
                plain = (record.number, record.cells, record.problems)
                self._copy.write(orjson.dumps(plain, default=list, option=orjson.OPT_APPEND_NEWLINE))
            yield record

    def again(self) -> Iterator[Record]:
        if self._kept is not None:
            yield from self._kept
            return
        if self._copy is None:
            yield from files.records(self._path, self._shape)
            return
        self._copy.seek(0)
        for line in self._copy:
            number, cells, flaws = orjson.loads(line)
            yield Record(number, cells, tuple(Flaw(*one) for one in flaws))
