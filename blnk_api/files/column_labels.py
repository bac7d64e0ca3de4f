"""What a column is called where several have one header: "currency (column 3)". Its place is what it is."""

from collections import Counter
from collections.abc import Sequence

from blnk_api.files.column_names import plain


def distinct_labels(headers: Sequence[str], taken: Sequence[str] = ()) -> list[str]:
    """A name for each column, in order: none empty, none like another or one of `taken`.

    A header that only one column has is its name. So the names can stand in a list to choose from, in a grid,
    and in a file that comes back.
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
    """What a spreadsheet calls the column at this place, from 0: A, B … Z, AA."""
    name = ""
    at += 1
    while at:
        at, rest = divmod(at - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def _seen(name: str) -> str:
    """Names that differ only in case or punctuation look alike."""
    return plain(name) or name
