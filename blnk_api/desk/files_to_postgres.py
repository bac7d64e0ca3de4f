"""Copies the files of a data folder into a desk on Postgres, which keeps them in its database.

Each file is copied completely or not at all, and only if the database knows these contents. If it is
interrupted, running it again copies the rest. The folder is only read.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from blnk_api.desk import links_key
from blnk_api.errors import SettingsProblem
from blnk_api.store import Store
from blnk_api.store.kept_files import Files
from blnk_api.store.kept_files.referenced_files import NamedFile, missing, named

_PIECE_BYTES = 1 << 20


@dataclass(frozen=True)
class TakenOver:
    files: int
    bytes: int
    were_there: int
    """Files that were already in the database."""
    others: tuple[str, ...]
    """Files whose contents differ from what the database knows. They were not copied."""
    missing: tuple[str, ...]
    """Files that the database should have, but that were not in the folder either."""
    has_key: bool
    """Whether the key that signs links was copied too, so that existing links keep working."""


class _AnotherFile(Exception):
    """The contents differ from what the database knows."""


def take_over(store: Store, files: Files, folder: Path) -> TakenOver:
    """Raises OSError or SQLAlchemyError. Files copied before remain."""
    taken = size = were_there = 0
    others: list[str] = []
    with store.read() as tx:
        wanted = list(named(tx))
    for one in wanted:
        if files.size(one.name) is not None:
            were_there += 1
        elif (folder / one.name).is_file():
            try:
                size += files.put(one.name, _contents(folder, one)).size
                taken += 1
            except _AnotherFile:
                others.append(one.name)
    has_key = _take_key(store, folder)
    with store.read() as tx:
        left = tuple(name for name in missing(tx) if name not in others)
    return TakenOver(taken, size, were_there, tuple(others), left, has_key)


def _contents(folder: Path, one: NamedFile) -> Iterator[bytes]:
    """Raises _AnotherFile at the end, so that the copy is rolled back."""
    digest = hashlib.sha256()
    with (folder / one.name).open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
            yield piece
    if one.sha256 is not None and digest.hexdigest() != one.sha256:
        raise _AnotherFile


def _take_key(store: Store, folder: Path) -> bool:
    if not (folder / links_key.FILE).is_file():
        return False
    try:
        key = links_key.in_folder(folder)
    except SettingsProblem:
        return False  # it signed nothing either
    with store.write() as tx:
        return links_key.keep(tx, key)
