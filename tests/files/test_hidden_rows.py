"""Rows that a workbook hides are reported, and can be skipped with one click that is as easily undone."""

import json
from pathlib import Path

import pytest

from blnk_api.drafts.edits import file_choices
from blnk_api.store.imports import Import
from blnk_api.store.states import RowState
from tests.support import workbooks
from tests.support.actors import actor
from tests.support.command_line import Commands
from tests.support.importer import LEDGER, Importer
from tests.support.json_object import JsonObject
from tests.support.practice import PracticeBlnk
from tests.support.workbooks import row, text


def book(folder: Path) -> Path:
    """Rows 3 and 4 are hidden; row 4 makes two balances."""
    rows = workbooks.header("ledger_id", "currency", "customer")
    for at, codes in ((2, "NGN"), (3, "NGN"), (4, "NGN;USD"), (5, "NGN")):
        rows += row(at, text(f"A{at}", LEDGER), text(f"B{at}", codes), text(f"C{at}", f"c-{at}"))
    for at in (3, 4):
        rows = rows.replace(f'<row r="{at}"', f'<row r="{at}" hidden="1"')
    return workbooks.write(folder / "book.xlsx", workbooks.parts({"S": rows}))


def upload(importer: Importer, path: Path) -> Import:
    draft = importer.upload_alone(path.read_bytes(), name=path.name)
    importer.start()
    return importer.wait_until_checked(draft)


def states(importer: Importer, draft: Import) -> list[tuple[str, RowState]]:
    return [(one.label, one.state) for one in importer.rows(draft)]


ALL = [
    ("2", RowState.READY),
    ("3", RowState.READY),
    ("4·NGN", RowState.READY),
    ("4·USD", RowState.READY),
    ("5", RowState.READY),
]
WITHOUT = [
    ("2", RowState.READY),
    ("3", RowState.LEFT_OUT),
    ("4", RowState.LEFT_OUT),
    ("5", RowState.READY),
]


def test_hidden_rows_are_reported_skipped_at_once_and_included_again(
    practice_blnk: PracticeBlnk, importer: Importer, tmp_path: Path
) -> None:
    draft = upload(importer, book(tmp_path))
    told = [one for one in draft.totals.problems if one.kind == "hidden_row"]
    assert [(one.severity, one.count) for one in told] == [("warning", 2)]
    assert states(importer, draft) == ALL

    file_choices.skip_hidden_rows(importer.store, draft.id, True, who=actor())
    draft = importer.wait_until_checked(draft)
    assert states(importer, draft) == WITHOUT
    assert draft.totals.hidden_rows == 2
    assert not [one for one in draft.totals.problems if one.kind == "hidden_row"]

    file_choices.skip_hidden_rows(importer.store, draft.id, False, who=actor())
    draft = importer.wait_until_checked(draft)
    assert states(importer, draft) == ALL
    assert draft.totals.hidden_rows == 0

    file_choices.skip_hidden_rows(importer.store, draft.id, True, who=actor())
    importer.finish(importer.wait_until_checked(draft))
    assert len(practice_blnk.refs()) == 2


def test_a_command_skips_hidden_rows(
    importer: Importer, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = Commands(importer, tmp_path, capsys)
    monkeypatch.chdir(tmp_path)
    ended = commands.call("import", book(tmp_path), "--dry-run", "--json", "--skip-hidden-rows")
    said: JsonObject = json.loads(ended.out)
    assert (ended.code, said["rows"], said["invalid"], said["new"]) == (0, 4, 0, 2)
    assert [(one["row"], one["severity"]) for one in said["problems"]] == [(3, "warning"), (4, "warning")]
    assert {one["message"] for one in said["problems"]} == {
        "The row is hidden in the workbook, so it is skipped."
    }
