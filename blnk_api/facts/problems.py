"""What there is to tell about a row, as data: shown in groups, repaired in place, kept with the row."""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from blnk_api.currencies import Severity

_VALUE_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to tell. An error keeps its row from being sent; a warning or a note does not.

    `row` is the spreadsheet's row number, 0 for the whole file; `part` the currency where one record makes
    several balances and only one of them is meant. `position` is the column's place from 0, None for the
    whole row; `column` is its header, which other columns may have too. `value` is the cell, cut at 200
    characters. `repair` is the text to put into the cell instead; for a `ragged_row` it
    is "" and means: take the missing cells as empty.
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
    """A cell as a problem's value."""
    return value if len(value) <= _VALUE_CHARACTERS else value[:_VALUE_CHARACTERS]


def to_json(problems: Sequence[Problem]) -> str | None:
    """As they are kept with a row; None for none."""
    return orjson.dumps(problems).decode() if problems else None


def from_json(kept: str | None) -> list[Problem]:
    """A million rows are read like this: no model is checked. An earlier version kept no position."""
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
