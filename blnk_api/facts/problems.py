"""Problems of rows as data: shown in groups, fixed in place, stored with the row."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson

from blnk_api.currencies import Severity

_VALUE_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem of a row. An error prevents the row from being sent; a warning or a note does not.

    `row` is the spreadsheet's row number, or 0 for the whole file. `part` is the currency if the record makes
    several balances and only one is meant. `position` is the column's position from 0, or None for the whole
    row; `column` is its header, which other columns may share. `value` is the cell's text, cut at 200
    characters. `repair` is the suggested text for the cell; for a `ragged_row` it is "", which means that the
    missing cells are empty.
    """

    kind: str
    row: int
    part: str
    column: str
    value: str
    message: str
    severity: Severity
    repair: str | None = None
    position: int | None = None


def clip(value: str) -> str:
    """The text of a cell, cut for a problem."""
    return value if len(value) <= _VALUE_CHARACTERS else value[:_VALUE_CHARACTERS]


def errors_as_text(problems: Iterable[Problem]) -> str:
    """The messages of those that prevent a row from being sent, or ""."""
    return " ".join(one.message for one in problems if one.severity == "error")


def to_json(problems: Sequence[Problem]) -> str | None:
    """As stored with a row. None if there are no problems."""
    return orjson.dumps(problems).decode() if problems else None


def from_json(kept: str | None) -> list[Problem]:
    """Skips validation, because a million rows are read this way. Earlier versions stored no position."""
    if kept is None:
        return []
    return [
        Problem(
            kind=one["kind"],
            row=one["row"],
            part=one["part"],
            column=one["column"],
            value=one["value"],
            message=one["message"],
            severity=one["severity"],
            repair=one.get("repair"),
            position=one.get("position"),
        )
        for one in orjson.loads(kept)
    ]
