"""Uploads and saved results are kept whole or not at all, in the data folder and in Postgres alike."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from blnk_api.desk import links_key
from blnk_api.store import Store, tables
from blnk_api.store.kept_files import Files
from blnk_api.store.kept_files.in_folder import FolderFiles
from blnk_api.store.kept_files.in_postgres import PostgresFiles
from tests.support.postgres import Postgres

MEGABYTE = 1_048_576
NAME = "uploads/imp_1/file"


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


@pytest.fixture
def files(store: Store, scratch: Path, tmp_path: Path) -> Files:
    """On each side: with SQLite the data folder, with Postgres the database."""
    return FolderFiles(tmp_path / "data") if store.is_sqlite else PostgresFiles(store, scratch)


def content(size: int) -> bytes:
    """No two pieces of it are alike."""
    return b"".join(n.to_bytes(8) for n in range(size // 8 + 1))[:size]


def read(files: Files, name: str = NAME) -> bytes:
    with files.open(name) as file:
        return file.read()


def pieces_in(store: Store) -> int:
    with store.read() as tx:
        return tx.execute(select(func.count()).select_from(tables.kept_pieces)).scalar_one()


@pytest.mark.parametrize("size", [0, 1, MEGABYTE - 1, MEGABYTE, MEGABYTE + 1, 3 * MEGABYTE + 5])
@pytest.mark.parametrize("at_once", [700_000, 10 * MEGABYTE])
def test_a_file_comes_back_to_the_byte(files: Files, size: int, at_once: int) -> None:
    whole = content(size)
    kept = files.put(NAME, (whole[at : at + at_once] for at in range(0, size, at_once)))
    assert (kept.size, kept.sha256) == (size, hashlib.sha256(whole).hexdigest())
    assert files.size(NAME) == size
    assert read(files) == whole
    with files.on_disk(NAME) as path:
        for _ in range(2):  # whoever reads it opens it more than once
            assert path.read_bytes() == whole
        assert path.stat().st_size == size


def test_any_part_of_a_file_is_read_without_the_rest(files: Files) -> None:
    whole = content(2 * MEGABYTE + 100)
    files.put(NAME, [whole])
    with files.open(NAME) as file:
        assert file.seek(0, os.SEEK_END) == len(whole)
        assert file.read() == b""
        for at in (MEGABYTE - 3, 5, 2 * MEGABYTE + 90):
            assert file.seek(at) == at
            assert file.read(10) == whole[at : at + 10]
        file.seek(-10, os.SEEK_END)
        assert file.read() == whole[-10:]


def test_an_interrupted_write_leaves_nothing_and_the_old_file_stays(
    files: Files, store: Store, tmp_path: Path
) -> None:
    def broken() -> Iterator[bytes]:
        yield content(2 * MEGABYTE)
        with pytest.raises(FileNotFoundError):
            files.open("uploads/imp_2/file")
        assert read(files) == b"before"
        raise OSError(28, "No space left on device")

    files.put(NAME, [b"before"])
    for name in (NAME, "uploads/imp_2/file"):
        with pytest.raises(OSError, match="No space left"):
            files.put(name, broken())
    assert read(files) == b"before"
    assert files.size("uploads/imp_2/file") is None
    assert list(files.folders("uploads")) == ["imp_1"]
    left = [path for path in (tmp_path / "data").rglob("*") if path.is_file() and path.suffix != ".db"]
    assert (pieces_in(store), left) == ((0, [tmp_path / "data" / NAME]) if store.is_sqlite else (1, []))


_KILLED = """
import os, signal, sys
from pathlib import Path
from blnk_api.store import Store
from blnk_api.store.kept_files.in_folder import FolderFiles
from blnk_api.store.kept_files.in_postgres import PostgresFiles

def pieces():
    yield b"a" * 3_000_000
    os.kill(os.getpid(), signal.SIGKILL)

store, folder = Store(sys.argv[1]), Path(sys.argv[2])
files = FolderFiles(folder) if store.is_sqlite else PostgresFiles(store, folder)
files.put(sys.argv[3], pieces())
"""


def test_a_process_that_is_killed_in_the_middle_leaves_nothing_that_can_be_read(
    files: Files, store: Store, database_url: str, tmp_path: Path
) -> None:
    files.put(NAME, [b"before"])
    for name in (NAME, "receipts/imp_1/1.csv"):
        arguments = [database_url, str(tmp_path / "data"), name]
        killed = subprocess.run([sys.executable, "-c", _KILLED, *arguments], timeout=300)
        assert killed.returncode == -9
    assert read(files) == b"before"
    assert files.size("receipts/imp_1/1.csv") is None
    with pytest.raises(FileNotFoundError):
        files.open("receipts/imp_1/1.csv")


def test_a_new_file_replaces_the_old_one_at_once(files: Files, store: Store) -> None:
    files.put(NAME, [content(3 * MEGABYTE)])
    with files.open(NAME) as reading:
        begun = reading.read(10)
        files.put(NAME, [b"new"])
        assert read(files) == b"new"
        try:
            rest = reading.read()
        except OSError:
            pass  # it is gone, and nothing else is read in its place
        else:
            assert begun + rest == content(3 * MEGABYTE)
    assert pieces_in(store) == (0 if store.is_sqlite else 1)


def test_what_is_deleted_is_gone_and_its_neighbors_stay(files: Files, store: Store) -> None:
    for name in (NAME, "uploads/imp_12/file", "receipts/imp_1/1.csv", "receipts/imp_1/2.csv"):
        files.put(name, [name.encode()])
    files.delete("receipts/imp_1/1.csv")
    files.delete("receipts/imp_1/1.csv")
    assert files.size("receipts/imp_1/1.csv") is None
    assert read(files, "receipts/imp_1/2.csv") == b"receipts/imp_1/2.csv"
    files.delete("uploads/imp_1")
    assert list(files.folders("uploads")) == ["imp_12"]
    assert list(files.folders("receipts")) == ["imp_1"]
    assert pieces_in(store) == (0 if store.is_sqlite else 2)
    with pytest.raises(FileNotFoundError), files.on_disk(NAME):
        pass


def test_a_copy_for_reading_has_no_name_that_could_remain(store: Store, files: Files, scratch: Path) -> None:
    """The check's process is ended at any moment: what it copied must not lie around."""
    files.put(NAME, [b"Adeola"])
    with files.on_disk(NAME) as path:
        assert path.read_bytes() == b"Adeola"
        assert list(scratch.iterdir()) == []
    assert store.is_sqlite or not path.exists()


def test_page_servers_that_start_together_sign_links_with_one_key(postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.new_database(like="migrated")
    one, other = Store(url), Store(url)
    key = links_key.of(one, tmp_path / "one")
    assert len(key) == 64
    assert links_key.of(other, tmp_path / "other") == key
    with other.write() as tx:
        assert links_key.keep(tx, "0" * 64) is False
    assert links_key.of(one, tmp_path / "one") == key
    assert list(tmp_path.iterdir()) == []
    for store in (one, other):
        store.close()
