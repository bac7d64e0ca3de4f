"""A text file taken apart into records: a quotation mark that is wrong costs its own line."""

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
"""Excel's own first line, which is no row."""

_MAX_OPEN_QUOTES = 50


class Dialect(NamedTuple):
    """How the cells of a line are told apart."""

    encoding: str
    delimiter: str
    spaced: bool = False
    """Whether spaces stand between a separator and a quotation mark, and are no part of a cell."""


RawRecord = tuple[int, list[str], list[str], str]
"""A record as it stands in the file: its number from 1, its cells, the lines that it was made of (good until
the next one is asked for), and what kept it from being taken apart. A plain tuple: there are a million."""


def raw_records(path: Path, dialect: Dialect) -> Iterator[RawRecord]:
    """Every record. A quotation mark that is never closed costs its own line only: reading starts again on
    the next. Raises FileProblem when there are too many of those."""
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    encoding = encodings.ENCODINGS[dialect.encoding]
    with path.open(encoding=encoding, errors=encodings.MARK, newline="") as stream:
        taken: list[str] = []
        again: deque[str] = deque()
        source = _without_sep(stream)
        number = opened = 0
        while True:
            reader = csv.reader(
                _taking(source, again, taken),
                delimiter=dialect.delimiter,
                skipinitialspace=dialect.spaced,
                strict=True,
            )
            try:
                for cells in reader:
                    number += 1
                    yield number, cells, taken, ""
                    taken.clear()
                return
            except csv.Error as error:
                over = len(taken) > 1
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
            again.extendleft(reversed(taken[1:]))
            del taken[1:]
            yield number, taken[0].rstrip("\r\n").split(dialect.delimiter), taken, flaw
            taken.clear()


def _taking(source: Iterator[str], again: deque[str], taken: list[str]) -> Iterator[str]:
    """The lines that were given back, then those of the source; each is noted as taken."""
    while again:
        taken.append(again.popleft())
        yield taken[-1]
    for line in source:
        if line >= "\ufeff":  # files put one behind the other bring a mark each
            line = line.lstrip("\ufeff")
        taken.append(line)
        yield line


def _without_sep(stream: Iterable[str]) -> Iterator[str]:
    """The lines without what stands before the first letter, and without `sep=;`."""
    lines = iter(stream)
    first = next(lines, "").lstrip("\ufeff\0")
    if SEP_LINE.fullmatch(first):
        return lines
    return chain([first] if first else [], lines)
