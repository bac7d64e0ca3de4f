"""Labels for columns that share a header: "currency (column 3)". A column is identified by its position."""

from collections import Counter
from collections.abc import Sequence

from blnk_api.files.column_names import plain


def distinct_labels(headers: Sequence[str], taken: Sequence[str] = ()) -> list[str]:
    """A label for each column, in order. None is empty, and none looks like another or like one of `taken`.

    A unique header is its own label. The labels can be used in a list, in a grid, and in a file that comes
    back.
    """
    names = [header or f"Column {at}" for at, header in enumerate(headers, start=1)]
    reserved = Counter(map(_seen, taken))
    while True:
        times = Counter(map(_seen, names)) + reserved
        if max(times.values(), default=1) == 1 or not names:
            return names
        new = [
            name if times[_seen(name)] == 1 else f"{name} (column {at})"
            for at, name in enumerate(names, start=1)
        ]
        if new == names:
            return names
        names = new


def letters(at: int) -> str:
    """The spreadsheet letters of a column position, from 0: A, B … Z, AA."""
    name = ""
    at += 1
    while at:
        at, rest = divmod(at - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def _seen(name: str) -> str:
    """Names that differ only in case or punctuation look the same."""
    return plain(name) or name
