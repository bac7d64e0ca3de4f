"""What a cell of a table that goes out may be, whatever the file's kind."""

from datetime import datetime

Cell = str | int | datetime
"""A datetime is written as its own clock shows it, without its zone, which the header names."""

_TIME = "%Y-%m-%d %H:%M:%S"


def as_text(cell: Cell) -> str:
    """The cell in letters: in a CSV, and where a spreadsheet would round a number."""
    return cell.strftime(_TIME) if isinstance(cell, datetime) else str(cell)
