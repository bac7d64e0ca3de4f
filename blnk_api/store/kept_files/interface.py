"""The interface for storing and reading files, wherever they are stored."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

UPLOADS, RECEIPTS = "uploads", "receipts"
"""The two places. A name consists of one of these, an import's id, and the file's name there."""
PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was stored durably: its size and SHA-256."""

    size: int
    sha256: str


class Files(Protocol):
    """Names look like "uploads/imp_1/file". All methods raise OSError or SQLAlchemyError if the disk or the
    database server fails."""

    def put(self, name: str, pieces: Iterable[bytes]) -> Written:
        """Stores a file, replacing one with the same name. Until it is complete, nobody sees any of it, even
        after a crash."""

    def open(self, name: str) -> BinaryIO:
        """A seekable file, read piece by piece. Raises FileNotFoundError."""

    def on_disk(self, name: str) -> AbstractContextManager[Path]:
        """The file as a local path, for callers that open it several times. A copy that was needed for it is
        deleted afterwards. Raises FileNotFoundError."""

    def size(self, name: str) -> int | None:
        """The size in bytes, or None if there is no such file."""

    def delete(self, name: str) -> None:
        """Deletes one file, or all below a name such as "uploads/imp_1". Missing files are ignored."""

    def folders(self, place: str) -> Iterator[str]:
        """The ids of imports that may have files in this place."""
