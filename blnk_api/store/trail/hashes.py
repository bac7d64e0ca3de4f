"""How the links of the trail are computed. Pure. Must never change, or earlier links would no longer match.

A chain's first link is derived from its owner, and each further one from the previous link, its number and
the digest of its entry. An entry is an event, or the cells that were changed in one act.
"""

import hashlib
from collections.abc import Sequence

import orjson

FORM = 1
"""The version of the event hash. Events without one were written before the trail existed, and use the same
hash."""

Who = Sequence[str | None]
"""name, kind, email, identity: as stored in the database, like everything else here."""


def origin(whose: str) -> str:
    """The link before a chain's first entry: from an import's id, or "desk"."""
    return _hex(f"balance desk\n{whose}".encode())


def link(previous: str, n: int, entry: str) -> str:
    return _hex(f"{previous}\n{n}\n{entry}".encode())


def of_event(form: int | None, id: int, row: int | None, at: float, who: Who, what: str, detail: str) -> str:
    return _hex(orjson.dumps(["event", form, id, row, at, *who, what, detail]))


def of_texts(salt: bytes, old: str, new: str) -> str:
    """The digest of a cell's texts before and after. Once the salt is deleted, the texts cannot be found by
    trial."""
    before, after = (hashlib.sha256(text.encode()).digest() for text in (old, new))
    return _hex(salt + before + after)


class Edits:
    """The digest of the cells that were changed in one act, added one after the other."""

    def __init__(self, batch: str) -> None:
        self._batch = batch
        self._lines = hashlib.sha256()
        self.count = 0

    def add(self, number: int, position: int | None, texts: str | None, at: float, who: Who) -> None:
        """`texts` is their digest."""
        self._lines.update(orjson.dumps([number, position, texts, at, *who]) + b"\n")
        self.count += 1

    @property
    def digest(self) -> str:
        return _hex(orjson.dumps(["edits", self._batch, self.count, self._lines.hexdigest()]))


def _hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
