"""What appears twice in a file: keys are kept as 64-bit hashes, about 120 bytes of memory for each.

Two different keys of a million are taken for one with a chance of 1 in 30 million.
"""

from typing import NamedTuple


class Earlier(NamedTuple):
    """The first row that had the same key, and how many rows before this one had it."""

    number: int
    has_part: bool
    before: int


class Repeats:
    """Counts rows with the same key."""

    def __init__(self) -> None:
        self._first: dict[int, int] = {}
        self._again: dict[int, int] = {}

    def seen(self, key: object, number: int, has_part: bool = False) -> Earlier | None:
        """Notes the key; None when it is new."""
        packed = number * 2 + has_part
        hashed = hash(key)
        first = self._first.setdefault(hashed, packed)
        if first == packed:
            return None
        before = self._again[hashed] = self._again.get(hashed, 0) + 1
        return Earlier(first >> 1, bool(first & 1), before)


class Keys:
    """Finds a person's own key that appears twice, and keys that differ only in case."""

    def __init__(self) -> None:
        self._first: dict[int, int] = {}

    def seen(self, key: str, number: int) -> tuple[int, bool] | None:
        """The first row that had this key in any case, and whether it was spelled alike; None when new."""
        exact = hash(key) & 0xFFFFFFFF
        first = self._first.setdefault(hash(key.casefold()), number << 32 | exact)
        if first >> 32 == number:
            return None
        return first >> 32, first & 0xFFFFFFFF == exact


class Occurrences:
    """Gives rows with the same content a number each, beside the numbers that rows brought with them."""

    def __init__(self) -> None:
        self._taken: set[int] = set()
        self._next: dict[int, int] = {}

    def keep(self, content: str, occurrence: int, salt: str | None) -> bool:
        """Whether a row can keep its number: not when a row before it has the same."""
        key = hash((content, occurrence, salt))
        is_free = key not in self._taken
        self._taken.add(key)
        return is_free

    def next(self, content: str) -> int:
        """The smallest number that no row before has."""
        found = self._next.get(hash(content), 0)
        while not self.keep(content, found, None):
            found += 1
        self._next[hash(content)] = found + 1
        return found
