"""Splits a text file into records. A wrong quotation mark affects only its own line."""

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from blnk_api.files.csv import encodings
from blnk_api.files.limits import MAX_CELL_CHARACTERS, FileProblem

SEP_LINE = re.compile(r'"?sep=(.)"?\r?\n?', re.IGNORECASE)
"""A line that Excel writes for itself. It is not a row."""

_MAX_OPEN_QUOTES = 50


class Dialect(NamedTuple):
    """How a line is split into cells."""

    encoding: str
    delimiter: str
    spaced: bool = False
    """Whether spaces between a separator and a quotation mark are ignored."""


RawRecord = tuple[int, list[str], list[str], str]
"""A record of the file: its number from 1, its cells, its lines (valid until the next record is requested),
and the reason why it could not be split. A plain tuple, because there may be a million."""


def raw_records(path: Path, dialect: Dialect) -> Iterator[RawRecord]:
    """Every record. A quotation mark that is never closed affects only its own line: reading restarts on the
    next. Raises FileProblem if there are too many of them."""
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    encoding = encodings.ENCODINGS[dialect.encoding]
    with path.open(encoding=encoding, errors=encodings.MARK, newline="") as stream:
        lines: list[str] = []
        again: deque[str] = deque()
        source = _without_sep(stream)
        number = opened = 0
        while True:
            reader = csv.reader(
                _noting(source, again, lines),
                delimiter=dialect.delimiter,
                skipinitialspace=dialect.spaced,
                strict=True,
            )
            try:
                for cells in reader:
                    number += 1
                    yield number, cells, lines, ""
                    lines.clear()
                return
            except csv.Error as error:
                over = len(lines) > 1
                flaw = "bad_quotes" if over or "limit" not in str(error) else "cell_too_long"
            number += 1
            opened += over
            if opened > _MAX_OPEN_QUOTES:
                raise FileProblem(
                    "bad_quotes",
                    f"Over {_MAX_OPEN_QUOTES} quotation marks are never closed, the last one "
                    f"in row {number:,}. "
                    "Check the separator, or save the file again as CSV or XLSX.",
                )
            again.extendleft(reversed(lines[1:]))
            del lines[1:]
            yield number, lines[0].rstrip("\r\n").split(dialect.delimiter), lines, flaw
            lines.clear()


def _noting(source: Iterator[str], again: deque[str], lines: list[str]) -> Iterator[str]:
    """The lines that were put back, then those of the source. Each is added to `lines`."""
    while again:
        lines.append(again.popleft())
        yield lines[-1]
    for line in source:
        if line >= "\ufeff":  # concatenated files have a mark each
            line = line.lstrip("\ufeff")
        lines.append(line)
        yield line


def _without_sep(stream: Iterable[str]) -> Iterator[str]:
    """The lines without a byte order mark and without `sep=;`."""
    lines = iter(stream)
    first = next(lines, "").lstrip("\ufeff\0")
    if SEP_LINE.fullmatch(first):
        return lines
    return chain([first] if first else [], lines)
