"""Files in Postgres, in pieces of one megabyte: page servers and senders then share only one database, and
its dump is the whole backup.

A file is written in one transaction, so that nobody ever sees part of it. It is read piece by piece, each in
a short transaction of its own, so a slow download holds no connection. Contents have an id that is never
reused, so reading a file that is replaced meanwhile raises an error instead of mixing two versions.
"""

import errno
import hashlib
import io
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from sqlalchemy import ColumnElement, Connection, delete, func, insert, or_, select, update

from blnk_api.store.database import Store
from blnk_api.store.inserts import insert_or
from blnk_api.store.kept_files.interface import PIECE_BYTES, Written
from blnk_api.store.tables import kept_files, kept_pieces

_OPEN_FILES = Path(f"/proc/{os.getpid()}/fd")


class PostgresFiles:
    """See `Files`. Copies that are needed on disk are created in `scratch`."""

    def __init__(self, store: Store, scratch: Path) -> None:
        self._store = store
        self._scratch = scratch

    def put(self, name: str, pieces: Iterable[bytes]) -> Written:
        content = secrets.token_hex(16)
        digest, size = hashlib.sha256(), 0
        with self._store.write() as tx:
            for n, piece in enumerate(_of_one_size(pieces)):
                digest.update(piece)
                size += len(piece)
                tx.execute(insert(kept_pieces).values(content=content, n=n, data=piece))
            _name(tx, name, {"content": content, "bytes": size, "at": time.time()})
        return Written(size, digest.hexdigest())

    def open(self, name: str) -> BinaryIO:
        with self._store.read() as tx:
            found = tx.execute(
                select(kept_files.c.content, kept_files.c.bytes).where(kept_files.c.name == name)
            ).first()
        if found is None:
            raise FileNotFoundError(errno.ENOENT, "It is not in the import database", name)
        return cast(BinaryIO, io.BufferedReader(_Pieces(self._store, found.content, found.bytes)))

    @contextmanager
    def on_disk(self, name: str) -> Iterator[Path]:
        with self.open(name) as file, _unnamed(self._scratch) as (path, copy):
            shutil.copyfileobj(file, copy, PIECE_BYTES)
            copy.flush()
            yield path

    def size(self, name: str) -> int | None:
        with self._store.read() as tx:
            return tx.execute(select(kept_files.c.bytes).where(kept_files.c.name == name)).scalar()

    def delete(self, name: str) -> None:
        with self._store.write() as tx:
            gone = delete(kept_files).where(_is_at(name)).returning(kept_files.c.content)
            contents = list(tx.execute(gone).scalars())
            tx.execute(delete(kept_pieces).where(kept_pieces.c.content.in_(contents)))

    def folders(self, place: str) -> Iterator[str]:
        id = func.split_part(kept_files.c.name, "/", 2)
        with self._store.read() as tx:
            yield from list(tx.execute(select(id).where(_is_at(place)).distinct()).scalars())


def _is_at(name: str) -> ColumnElement[bool]:
    return or_(kept_files.c.name == name, kept_files.c.name.startswith(f"{name}/", autoescape=True))


def _name(tx: Connection, name: str, facts: dict[str, object]) -> None:
    """Gives the contents this name from the end of this transaction on. Former contents are deleted."""
    first = insert_or(tx, kept_files).values(name=name, **facts).on_conflict_do_nothing()
    tx.execute(first)  # waits for anyone who puts a file of this name at the same moment
    is_it = kept_files.c.name == name
    before = tx.execute(select(kept_files.c.content).where(is_it).with_for_update()).scalar_one()
    if before != facts["content"]:
        tx.execute(update(kept_files).where(is_it).values(**facts))
        tx.execute(delete(kept_pieces).where(kept_pieces.c.content == before))


def _of_one_size(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of one size. The last one may be shorter."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        while len(waiting) >= PIECE_BYTES:
            yield bytes(waiting[:PIECE_BYTES])
            del waiting[:PIECE_BYTES]
    if waiting:
        yield bytes(waiting)


class _Pieces(io.RawIOBase):
    """The contents of one file, with one piece in memory at a time."""

    def __init__(self, store: Store, content: str, size: int) -> None:
        self._store = store
        self._content = content
        self._size = size
        self._at = 0
        self._n = -1
        self._piece = b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        if self._at >= self._size:
            return 0
        n, begin = divmod(self._at, PIECE_BYTES)
        if n != self._n:
            self._piece, self._n = self._read(n), n
        part = self._piece[begin : begin + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)

    def _read(self, n: int) -> bytes:
        query = select(kept_pieces.c.data).where(kept_pieces.c.content == self._content, kept_pieces.c.n == n)
        with self._store.read() as tx:
            piece: bytes | None = tx.execute(query).scalar()
        if not piece:
            raise OSError(errno.ESTALE, "The file was deleted while it was read")
        return piece


@contextmanager
def _unnamed(folder: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """A new file and a path to open it by. If the system allows it, the file has no name on disk, so nothing
    remains when this process is killed."""
    if _OPEN_FILES.is_dir():
        with tempfile.TemporaryFile(dir=folder) as file:
            yield Path(f"/proc/{os.getpid()}/fd/{file.fileno()}"), cast(BinaryIO, file)
    else:
        with tempfile.NamedTemporaryFile(dir=folder) as named:
            yield Path(named.name), cast(BinaryIO, named)
