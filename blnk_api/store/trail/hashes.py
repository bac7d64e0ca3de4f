"""What the links of the trail are made of. Pure; none of it is ever changed, or no earlier link would fit.

A chain's first link follows from whose it is, and each further one from the link before, its number and the
digest of its entry. An entry is an event, or the cells that were changed in one act.
"""

import hashlib
from collections.abc import Sequence

import orjson

FORM = 1
"""How events are hashed. An event without it was written before there was a trail, and is hashed alike."""

Who = Sequence[str | None]
"""name, kind, e-mail, identity: as they stand in the database, like everything else here."""


def origin(whose: str) -> str:
    """Before a chain's first entry: of an import by its id, of the desk by "desk"."""
    return _hex(f"balance desk\n{whose}".encode())


def link(previous: str, n: int, entry: str) -> str:
    return _hex(f"{previous}\n{n}\n{entry}".encode())


def of_event(form: int | None, id: int, row: int | None, at: float, who: Who, what: str, detail: str) -> str:
    return _hex(orjson.dumps(["event", form, id, row, at, *who, what, detail]))


def of_texts(salt: bytes, old: str, new: str) -> str:
    """Of a cell before and after. Once the salt is deleted, nobody finds the texts by trying them out."""
    before, after = (hashlib.sha256(text.encode()).digest() for text in (old, new))
    return _hex(salt + before + after)


class Edits:
    """The digest of the cells that were changed in one act, taken one after the other."""

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
