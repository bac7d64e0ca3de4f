"""Files in the data folder, next to a SQLite store."""

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from blnk_api.store.kept_files.interface import Written


class FolderFiles:
    """See `Files`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, pieces: Iterable[bytes]) -> Written:
        path = self._folder / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        digest, size = hashlib.sha256(), 0
        try:
            with part.open("xb") as file:
                for piece in pieces:
                    digest.update(piece)
                    size += len(piece)
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)  # leave no partial file on a full disk
            with suppress(OSError):
                path.parent.rmdir()  # fails if it has other files
            raise
        for folder in (path.parent, path.parent.parent):
            _sync(folder)
        return Written(size, digest.hexdigest())

    def open(self, name: str) -> BinaryIO:
        return (self._folder / name).open("rb")

    @contextmanager
    def on_disk(self, name: str) -> Iterator[Path]:
        path = self._folder / name
        path.stat()  # raises FileNotFoundError here rather than in the middle of reading
        yield path

    def size(self, name: str) -> int | None:
        with suppress(FileNotFoundError, NotADirectoryError):
            return (self._folder / name).stat().st_size
        return None

    def delete(self, name: str) -> None:
        path = self._folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def folders(self, place: str) -> Iterator[str]:
        folder = self._folder / place
        if folder.is_dir():
            yield from (one.name for one in folder.iterdir())


def _sync(folder: Path) -> None:
    """A file's name survives a power cut only once its folder was synced too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
