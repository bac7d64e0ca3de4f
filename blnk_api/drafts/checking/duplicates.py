"""Finds duplicates in a file. Keys are kept as 64-bit hashes, about 120 bytes of memory each.

In a million keys, two different ones are confused with a probability of 1 in 30 million.
"""

from typing import NamedTuple


class Earlier(NamedTuple):
    """The first row with the same key, and how many rows before this one had it."""

    number: int
    has_part: bool
    before: int


class Repeats:
    """Counts rows with the same key."""

    def __init__(self) -> None:
        self._first: dict[int, int] = {}
        self._again: dict[int, int] = {}

    def seen(self, key: object, number: int, has_part: bool = False) -> Earlier | None:
        """Records the key. Returns None if it is new."""
        packed = number * 2 + has_part
        hashed = hash(key)
        first = self._first.setdefault(hashed, packed)
        if first == packed:
            return None
        before = self._again[hashed] = self._again.get(hashed, 0) + 1
        return Earlier(first >> 1, bool(first & 1), before)


class Keys:
    """Finds duplicate reference values, and values that differ only in case."""

    def __init__(self) -> None:
        self._first: dict[int, int] = {}

    def seen(self, key: str, number: int) -> tuple[int, bool] | None:
        """Returns the first row with this value in any case, and whether its spelling was the same; None if
        it is new."""
        exact = hash(key) & 0xFFFFFFFF
        first = self._first.setdefault(hash(key.casefold()), number << 32 | exact)
        if first >> 32 == number:
            return None
        return first >> 32, first & 0xFFFFFFFF == exact


class Occurrences:
    """Numbers rows with the same content, around the numbers that rows brought with them."""

    def __init__(self) -> None:
        self._taken: set[int] = set()
        self._next: dict[int, int] = {}

    def keep(self, content: str, occurrence: int, salt: str | None) -> bool:
        """Returns whether a row can keep its number: not if an earlier row has it."""
        key = hash((content, occurrence, salt))
        is_free = key not in self._taken
        self._taken.add(key)
        return is_free

    def next(self, content: str) -> int:
        """Returns the smallest unused number."""
        found = self._next.get(hash(content), 0)
        while not self.keep(content, found, None):
            found += 1
        self._next[hash(content)] = found + 1
        return found
