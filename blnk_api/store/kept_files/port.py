"""What whoever keeps a file or reads one may ask for, wherever files are kept."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

UPLOADS, RECEIPTS = "uploads", "receipts"
"""The two places: a name is one of these, an import's id, and what the file is called there."""
PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Written:
    """A file that is kept for good: its size and SHA-256."""

    size: int
    sha256: str


class Files(Protocol):
    """Names look like "uploads/imp_1/file". All of it raises OSError or SQLAlchemyError where the disk or the
    database server does not take it."""

    def put(self, name: str, pieces: Iterable[bytes]) -> Written:
        """Keeps a file, in place of one of the same name. Until all of it is kept, nobody sees any of it,
        also after a crash."""

    def open(self, name: str) -> BinaryIO:
        """To be read from any place in it, a piece at a time. Raises FileNotFoundError."""

    def on_disk(self, name: str) -> AbstractContextManager[Path]:
        """The file as a path of this machine, for whoever opens it several times; a copy that was needed
        for it is gone afterwards. Raises FileNotFoundError."""

    def size(self, name: str) -> int | None:
        """In bytes; None where there is no such file."""

    def delete(self, name: str) -> None:
        """One file, or all below a name such as "uploads/imp_1"; what is not there is no error."""

    def folders(self, place: str) -> Iterator[str]:
        """The ids of imports of which there may be files in this place."""
