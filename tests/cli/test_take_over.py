"""The files of a data folder come into a desk on Postgres: whole, once, and named where they do not."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from blnk_api.desk import links_key
from blnk_api.store.imports import Import
from blnk_api.store.kept_files.in_folder import FolderFiles
from blnk_api.store.people import receipt_records
from blnk_api.store.states import ImportState
from tests.support.command_line import Commands
from tests.support.fixes import upload
from tests.support.importer import Importer, wait_until

TEXT = "ledger_id,currency,customer\nldg_11111111-1111-4111-8111-111111111111,USD,Adeola\n"
ON_POSTGRES = pytest.mark.parametrize("importer", ["postgres"], indirect=True)


def with_a_receipt(importer: Importer) -> Import:
    done = importer.import_file(TEXT)

    def has_one() -> bool:
        with importer.store.read() as tx:
            return receipt_records.latest(tx, done.number) is not None

    wait_until(has_one, lambda: "no receipt")
    importer.stop()
    return done


def kept(importer: Importer) -> dict[str, bytes]:
    """All files that the database has."""
    found = {}
    for place in ("uploads", "receipts"):
        for id in importer.files.folders(place):
            with importer.store.read() as tx:
                latest = receipt_records.latest(tx, importer.find(id).number)
            name = f"{id}/file" if place == "uploads" else (latest.results_path if latest else "")
            with importer.files.open(f"{place}/{name}") as file:
                found[f"{place}/{name}"] = file.read()
    return found


def moved_out(importer: Importer, files: Mapping[str, bytes], folder: Path) -> None:
    """As an earlier version left it: files lie in a data folder, and not in the database."""
    for name, content in files.items():
        FolderFiles(folder).put(name, [content])
        importer.files.delete(name)


@ON_POSTGRES
def test_a_data_folder_is_taken_over_and_a_killed_run_is_completed_by_the_next(
    commands: Commands, importer: Importer, tmp_path: Path
) -> None:
    done = with_a_receipt(importer)
    files = kept(importer)
    assert len(files) == 2
    old = tmp_path / "old"
    moved_out(importer, files, old)
    (old / "links.key").write_text("k" * 64)
    FolderFiles(old).put("uploads/imp_of_another_desk/file", [b"Grace"])
    before = {path: path.read_bytes() for path in old.rglob("*") if path.is_file()}

    importer.files.put(f"uploads/{done.id}/file", [TEXT.encode()])  # a run that was killed had taken it
    told = commands.call("take-over", old)
    assert told.code == 0, told
    assert f"1 file (1 kB) was copied from {old} into the import database. Already there: 1." in told.out
    assert "Download links that were sent before keep working." in told.out
    assert kept(importer) == files
    assert links_key.of(importer.store, tmp_path) == "k" * 64
    assert {path: path.read_bytes() for path in old.rglob("*") if path.is_file()} == before
    again = commands.call("take-over", old)
    assert (again.code, "0 files" in again.out, "Already there: 2." in again.out) == (0, True, True)


@ON_POSTGRES
def test_a_missing_or_different_file_is_named_and_not_copied(
    commands: Commands, importer: Importer, tmp_path: Path
) -> None:
    done = with_a_receipt(importer)
    files = kept(importer)
    (results,) = (name for name in files if name.startswith("receipts"))
    moved_out(importer, files, tmp_path / "old")
    FolderFiles(tmp_path / "old").put(results, [b"something else"])
    (tmp_path / "old" / "uploads" / done.id / "file").unlink()
    told = commands.call("take-over", tmp_path / "old")
    assert told.code == 3
    assert "1 file is in the folder with contents that do not match the import database" in told.err
    assert f"and not copied: {results}." in told.err
    assert f"1 file is neither in the import database nor in the folder: uploads/{done.id}/file." in told.err
    assert kept(importer) == {}


@ON_POSTGRES
def test_a_draft_whose_file_is_elsewhere_says_so_and_continues_once_it_is_taken_over(
    commands: Commands, importer: Importer, tmp_path: Path
) -> None:
    id = upload(importer, TEXT).id
    moved_out(importer, {f"uploads/{id}/file": TEXT.encode()}, tmp_path / "old")
    importer.start()
    wait_until(lambda: importer.find(id).problem, lambda: "it says nothing")
    assert "not in the import database. Nothing was sent." in (importer.find(id).problem or "")
    assert "take-over" in (importer.find(id).problem or "")
    assert commands.call("take-over", tmp_path / "old").code == 0
    draft = importer.wait_until_checked(importer.find(id))
    assert (draft.problem, importer.finish(draft).state) == (None, ImportState.DONE)


def test_a_desk_on_sqlite_has_its_files_in_the_folder_already(
    commands: Commands, importer: Importer, tmp_path: Path
) -> None:
    told = commands.call("take-over", importer.data_dir)
    assert (told.code, "SQLite, which keeps files in the data folder" in told.err) == (2, True)
    told = commands.call("take-over", tmp_path / "nowhere")
    assert (told.code, "nowhere is not a folder. Nothing was changed." in told.err) == (2, True)
