"""The values that a cell of a downloaded table can have, in any file format."""

from datetime import datetime

Cell = str | int | datetime
"""A datetime is written in its own time zone, which the header names."""

_TIME = "%Y-%m-%d %H:%M:%S"


def as_text(cell: Cell) -> str:
    """The cell as text, for a CSV and for numbers that a spreadsheet would round."""
    return cell.strftime(_TIME) if isinstance(cell, datetime) else str(cell)
