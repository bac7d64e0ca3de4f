"""A desk in one file, made while it runs; and back in another folder, where nothing is sent by itself."""

import gzip
import hashlib
import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError

from blnk_api.desk import backup as backups
from blnk_api.desk import links_key
from blnk_api.store import Store, tables
from blnk_api.store.imports import Import
from blnk_api.store.kept_files.in_postgres import PostgresFiles
from blnk_api.store.people import receipt_records, sessions
from blnk_api.store.people.sessions import Identity, Lasts
from blnk_api.store.sending import stops
from blnk_api.store.states import ImportState, RowState
from tests.support.command_line import Commands
from tests.support.importer import Importer, requests_for, wait_until
from tests.support.postgres import Postgres
from tests.support.practice import PracticeBlnk
from tests.support.sending import create_count_at_rest

TEXT = "ledger_id,currency,customer\nldg_11111111-1111-4111-8111-111111111111,USD,Adeola\n"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Another folder, to which commands go once `BLNK_DATA_DIR` names it."""
    return tmp_path / "elsewhere"


def go_to(folder: Path, monkeypatch: pytest.MonkeyPatch, *, url: str = "") -> None:
    monkeypatch.setenv("BLNK_DATA_DIR", str(folder))
    monkeypatch.setenv("BLNK_DATABASE_URL", url)


def files(folder: Path, *below: str) -> dict[str, bytes]:
    found = (path for name in below for path in (folder / name).rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def receipt_of(importer: Importer, import_: Import) -> receipt_records.Receipt | None:
    with importer.store.read() as tx:
        return receipt_records.latest(tx, import_.number)


def names(archive: Path) -> list[str]:
    with tarfile.open(archive) as tar:
        return tar.getnames()


def test_a_backup_under_load_is_restored_elsewhere_and_sends_nothing_before_start(
    commands: Commands,
    importer: Importer,
    practice_blnk: PracticeBlnk,
    elsewhere: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done = importer.import_file(TEXT)
    wait_until(lambda: receipt_of(importer, done), lambda: "no receipt")
    receipts = files(importer.data_dir, "receipts")
    assert len(receipts) == 1
    practice_blnk.order_fault("hang", skip=60)  # it never ends by itself
    underway = importer.begin(requests_for(300), created=10)
    archive = tmp_path / "desk.tar.gz"
    made = commands.call("backup", archive)
    assert (made.code, "desk.tar.gz was written" in made.out) == (0, True)
    assert archive.stat().st_mode & 0o077 == 0
    importer.wait_for_count(underway, RowState.CREATED, 50)
    importer.stop()
    practice_blnk.clear_faults()
    secrets = importer.data_dir / "secrets.toml"

    go_to(elsewhere, monkeypatch)
    restored = commands.call("restore", archive)
    assert restored.code == 0, restored
    assert "2 imports were restored to" in restored.out
    assert "1 of them had not finished" in restored.out
    assert "python -m blnk_api start" in restored.out
    assert files(elsewhere, "receipts") == receipts
    assert files(elsewhere, "uploads") == files(importer.data_dir, "uploads")
    assert (elsewhere / "links.key").exists() is (importer.data_dir / "links.key").exists()
    assert not [one for one in elsewhere.iterdir() if one.name.startswith(".")]

    (elsewhere / "secrets.toml").write_text(secrets.read_text())
    with Importer(
        practice_blnk, elsewhere, monkeypatch, database_url=f"sqlite:///{elsewhere}/journal.db"
    ) as there:
        before = len(practice_blnk.balances())
        practice_blnk.forget_requests()
        there.start()
        found = there.find(underway.id)
        assert (found.state, found.has_sent) == (ImportState.RUNNING, True)
        there.wait_until_at_work(found)
        assert create_count_at_rest(practice_blnk) == 0
        assert len(practice_blnk.balances()) == before
        held = commands.call("stop")
        assert "This desk was restored from a backup of" in held.out
        assert "make sure that the desk that was backed up is off" in held.out
        assert commands.call("start").code == 0
        there.wait_for(found, ImportState.DONE)
        refs = practice_blnk.refs()
        rows = [*there.rows(found), *there.rows(there.find(done.id))]
        assert len(refs) == len(set(refs)) == len(rows) == 301
        assert {row.ref for row in rows} == set(refs)
        there.stop()
        assert commands.call("trail", "--verify").code == 0


def test_an_existing_desk_is_neither_overwritten_nor_mixed_with_another(
    commands: Commands, importer: Importer, tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "desk.tar.gz"
    assert commands.call("backup", archive).code == 0
    again = commands.call("backup", archive)
    assert (again.code, "already exists" in again.err) == (2, True)
    before = files(importer.data_dir, ".")
    here = commands.call("restore", archive)
    assert (here.code, "There is a desk already" in here.err) == (2, True)
    assert files(importer.data_dir, ".").keys() == before.keys()
    for name in ("journal.db", "links.key", "uploads"):
        folder = elsewhere / name
        (folder / name).mkdir(parents=True)
        go_to(folder, monkeypatch)
        assert "There is a desk already" in commands.call("restore", archive).err
        assert [one.name for one in folder.iterdir()] == [name]


def repacked(archive: Path, to: Path, change: str) -> Path:
    """The same archive with one thing wrong."""
    with tarfile.open(archive) as old, tarfile.open(to, "w:gz") as new:
        for member in old:
            data = old.extractfile(member)
            assert data is not None
            content = data.read()
            if change == "another byte" and member.name == backups.DATABASE:
                content = content[:-1] + bytes([content[-1] ^ 1])
            if change == "a path outside" and member.name == backups.DATABASE:
                bad = tarfile.TarInfo("uploads/../../evil")
                new.addfile(bad, io.BytesIO())
            if change == "no sums" and member.name == backups.SUMS:
                continue
            if change == "a later form" and member.name == backups.ABOUT:
                content = content.replace(b'"format":1', b'"format":2')
            member.size = len(content)
            new.addfile(member, io.BytesIO(content))
    return to


@pytest.mark.parametrize(
    "change",
    ["another byte", "a path outside", "no sums", "a later form", "half of it", "no archive", "none"],
)
def test_an_incomplete_backup_restores_nothing(
    change: str,
    commands: Commands,
    importer: Importer,
    tmp_path: Path,
    elsewhere: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    archive, bad = tmp_path / "desk.tar.gz", tmp_path / "bad.tar.gz"
    assert commands.call("backup", archive).code == 0
    match change:
        case "half of it":
            bad.write_bytes(archive.read_bytes()[:2_000])
        case "no archive":
            bad.write_bytes(gzip.compress(b"a file"))
        case "none":
            pass
        case _:
            repacked(archive, bad, change)
    go_to(elsewhere, monkeypatch)
    told = commands.call("restore", bad)
    assert (told.code, "Nothing was restored." in told.err or "newer one." in told.err) == (2, True), told
    assert not elsewhere.exists() or list(elsewhere.iterdir()) == []


def test_files_added_after_the_database_was_copied_are_not_restored(
    commands: Commands, importer: Importer, tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing would ever purge them, as no import names them."""
    draft = importer.upload(TEXT)
    importer.stop()
    late = importer.data_dir / "uploads" / "imp_later" / "file"
    late.parent.mkdir()
    late.write_text("Grace")
    archive = tmp_path / "desk.tar.gz"
    assert commands.call("backup", archive).code == 0
    assert "uploads/imp_later/file" in names(archive)
    go_to(elsewhere, monkeypatch)
    assert commands.call("restore", archive).code == 0
    assert list(files(elsewhere, "uploads")) == [f"uploads/{draft.id}/file"]


def test_a_full_disk_leaves_no_partial_backup(
    commands: Commands, importer: Importer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = commands.call("backup", Path("/dev/full/desk.tar.gz"))
    assert (told.code, "The backup could not be written" in told.err) == (2, True)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    folder = tmp_path / "to"
    folder.mkdir()
    told = commands.call("backup", folder / "desk.tar.gz")
    assert (told.code, "No space left on device. The desk is unchanged." in told.err) == (2, True)
    assert list(folder.iterdir()) == []


def test_tokens_that_may_be_outdated_are_reported(
    commands: Commands, importer: Importer, tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = {"connection_key": "here", "descends_from": "0", "generation": 1, "sealed": b"", "expires_at": 1.0}
    with importer.store.write() as tx:
        tx.execute(tables.tokens.insert().values(**kept))
    assert commands.call("backup", tmp_path / "desk.tar.gz").code == 0
    go_to(elsewhere, monkeypatch)
    assert "put a new refresh_token into" in commands.call("restore", tmp_path / "desk.tar.gz").out


def test_everyone_has_to_sign_in_again_after_a_restore(
    commands: Commands, importer: Importer, tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with importer.store.write() as tx:
        sessions.begin(tx, "c" * 43, "acme", Identity("https://acme.example", "1", "Ada Lovelace"))
    assert commands.call("backup", tmp_path / "desk.tar.gz").code == 0
    go_to(elsewhere, monkeypatch)
    assert commands.call("restore", tmp_path / "desk.tar.gz").code == 0
    restored = Store(f"sqlite:///{elsewhere}/journal.db")
    for store, still_open in ((importer.store, 1), (restored, 0)):
        with store.read() as tx:
            assert len(sessions.open_ones(tx, Lasts(longest=3600, idle=3600))) == still_open
            assert len(sessions.last(tx, limit=10)) == 1
    restored.close()


def dumped_and_restored(url: str, postgres: Postgres, by: Path) -> str:
    """Another database with all that the first has."""
    subprocess.run(["pg_dump", "--format=custom", f"--file={by}", url], check=True, timeout=300)
    copy = postgres.new_database()
    subprocess.run(["pg_restore", f"--dbname={copy}", by], check=True, timeout=300)
    return copy


@pytest.mark.parametrize("importer", ["postgres"], indirect=True)
def test_a_desk_on_postgres_is_backed_up_with_its_own_tool_files_and_all(
    commands: Commands,
    importer: Importer,
    postgres: Postgres,
    tmp_path: Path,
    elsewhere: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    draft = importer.upload(TEXT)
    importer.stop()
    with importer.store.write() as tx:
        tx.execute(update(tables.imports).values(state=ImportState.PAUSED))
    dump = tmp_path / "desk.dump"
    monkeypatch.setenv("BLNK_DATABASE_URL", importer.database_url.replace("postgres@", "postgres:s3cr3t@"))
    told = commands.call("backup", dump)
    assert (told.code, dump.exists()) == (2, False)
    assert f"pg_dump --format=custom --file={dump} 'postgresql://postgres@127" in told.err
    assert "s3cr3t" not in told.err

    go_to(elsewhere, monkeypatch, url=postgres.new_database())
    told = commands.call("restore")
    assert (told.code, "Restore it first with pg_restore" in told.err) == (2, True)
    copy = dumped_and_restored(importer.database_url, postgres, dump)
    go_to(elsewhere, monkeypatch, url=copy)
    told = commands.call("restore")
    assert (told.code, "1 import was restored to the import database. 1 of them" in told.out) == (0, True), (
        told
    )
    assert not elsewhere.exists()
    store = Store(copy)
    with PostgresFiles(store, tmp_path).open(f"uploads/{draft.id}/file") as file:
        assert file.read() == TEXT.encode()
    with store.read() as tx:
        [stop] = stops.in_force(tx)
        assert "restored from a backup. Before you start" in (stop.reason or "")
        assert tx.execute(tables.imports.select()).one().has_sent
    assert commands.call("trail", "--verify").code == 0
    with pytest.raises(DBAPIError), store.write() as tx:
        tx.execute(text("DELETE FROM events"))
    store.close()


def archive_of_postgres(archive: Path, content: dict[str, bytes]) -> None:
    """As an earlier version wrote it, which kept the files of a desk on Postgres in a data folder."""
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in content.items())
    about = b'{"format":1,"version":"0.1.0","at":1700000000.0,"sqlite":false}'
    with tarfile.open(archive, "w:gz") as tar:
        for name, data in {backups.ABOUT: about, **content, backups.SUMS: sums.encode()}.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


@pytest.mark.parametrize("importer", ["postgres"], indirect=True)
def test_files_that_an_earlier_version_backed_up_are_restored_into_postgres(
    commands: Commands, importer: Importer, tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = importer.upload(TEXT)
    importer.stop()
    name, key = f"uploads/{draft.id}/file", "k" * 64
    importer.files.delete(name)
    archive = tmp_path / "desk-files.tar.gz"
    content = {name: TEXT.encode(), "uploads/imp_later/file": b"Grace", "links.key": key.encode()}
    archive_of_postgres(archive, content)
    go_to(elsewhere, monkeypatch, url=f"sqlite:///{elsewhere}/journal.db")
    told = commands.call("restore", archive)
    assert (told.code, "was made from a desk on Postgres" in told.err) == (2, True)
    go_to(elsewhere, monkeypatch, url=importer.database_url)
    told = commands.call("restore", archive)
    assert (told.code, "to the import database, as of 14 Nov 2023" in told.out) == (0, True), told
    with importer.files.open(name) as file:
        assert file.read() == TEXT.encode()
    assert list(importer.files.folders("uploads")) == [draft.id]
    assert links_key.of(importer.store, elsewhere) == key
