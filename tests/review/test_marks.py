"""Each row of a results file says which row of which import it is, also where it never got a reference."""

import csv
import io
from pathlib import Path

import pytest

from blnk_api.drafts import mapping_changes
from blnk_api.drafts.edits import editing, file_choices
from blnk_api.facts.mapping import Use
from blnk_api.files.kinds import FileKind
from blnk_api.files.row_marks import Mark
from blnk_api.reports.receipts import contents_of
from blnk_api.reports.results import Variant
from blnk_api.store import imports, rows, tables
from blnk_api.store.imports import Import
from blnk_api.store.states import ImportState, RowState
from tests.support.actors import actor
from tests.support.command_line import ROOT, Commands
from tests.support.importer import BOTH_DATABASES, LEDGER, Importer, mapping_of, requests_for
from tests.support.practice import PracticeBlnk
from tests.support.results import KINDS, results_of, upload
from tests.support.sending import done_but_for


def cells_of(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))


def as_csv(table: list[list[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(table)
    return out.getvalue().encode()


def matched_by_hand(importer: Importer) -> Import:
    """Nobody could guess these columns; the last two of four rows are invalid."""
    data = f"A,B,C\n{LEDGER},c-1,USD\n{LEDGER},c-2,EUR\nno such ledger,c-3,USD\n{LEDGER},c-4,QQQ\n".encode()
    draft = upload(importer, "by hand.csv", data)
    chosen = mapping_of(draft)
    for at, use, name in ((0, Use.LEDGER, None), (2, Use.CURRENCY, None), (1, Use.METADATA, "customer")):
        chosen = mapping_changes.with_use(chosen, at, use, name)
    file_choices.match(importer.store, draft.id, chosen, who=actor())
    draft = importer.wait_until_checked(draft)
    assert importer.counts(draft) == {RowState.READY: 2, RowState.INVALID: 2}
    return importer.finish(draft)


def fixed(data: bytes) -> bytes:
    table = cells_of(data)
    return as_csv(
        [[{"no such ledger": LEDGER, "QQQ": "NGN"}.get(cell, cell) for cell in row] for row in table]
    )


def customers(blnk: PracticeBlnk) -> list[str]:
    return sorted(one["meta_data"]["customer"] for one in blnk.balances())


@KINDS
def test_not_created_is_fixed_in_the_file_and_imported_as_it_is(
    practice_blnk: PracticeBlnk, importer: Importer, kind: FileKind
) -> None:
    done = matched_by_hand(importer)
    assert customers(practice_blnk) == ["c-1", "c-2"]
    data = results_of(importer, done, Variant.NOT_CREATED, kind)
    name = f"rest.{kind}"
    unfixed = upload(importer, name, data)
    assert importer.counts(unfixed) == {RowState.INVALID: 2}
    if kind is FileKind.CSV:
        data = fixed(data)
        rest = upload(importer, name, data)
    else:
        rest = unfixed
        for number, at, value in ((2, 0, LEDGER), (3, 2, "NGN")):
            editing.edit(importer.store, rest.id, [editing.Edit(number, at, value)], who=actor())
        rest = importer.wait_until_checked(rest)
    assert importer.counts(rest) == {RowState.READY: 2}, rest.problem
    importer.finish(rest)
    assert customers(practice_blnk) == ["c-1", "c-2", "c-3", "c-4"]


def test_the_command_imports_not_created_without_an_option(
    practice_blnk: PracticeBlnk,
    importer: Importer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    done = matched_by_hand(importer)
    importer.stop()
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    path = tmp_path / "rest.csv"
    path.write_bytes(fixed(results_of(importer, done, Variant.NOT_CREATED, FileKind.CSV)))
    commands = Commands(importer, tmp_path, capsys)
    tried = commands.run("import", path, "--dry-run")
    assert tried.code == 0, tried.err
    ended = commands.run("import", path, "--yes", "--progress", "none")
    assert ended.code == 0, ended.err
    assert customers(practice_blnk) == ["c-1", "c-2", "c-3", "c-4"]


def test_a_code_that_was_accepted_in_the_import_is_accepted_in_its_results(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    data = f"ledger_id,currency,customer\n{LEDGER},USD,c-1\nno such ledger,POINTS,c-2\n".encode()
    draft = upload(importer, "points.csv", data, accepted_currencies=["POINTS"])
    done = importer.finish(draft)
    rest = upload(importer, "rest.csv", fixed(results_of(importer, done, Variant.NOT_CREATED, FileKind.CSV)))
    assert importer.counts(rest) == {RowState.READY: 1}
    importer.finish(rest)
    assert customers(practice_blnk) == ["c-1", "c-2"]


def test_each_row_has_its_mark_and_each_part_its_own(importer: Importer) -> None:
    draft = importer.upload(f"ledger_id,currency,note\n{LEDGER},USD;EUR,a\nnowhere,USD,b\n")
    header, *records = cells_of(results_of(importer, draft, Variant.ALL, FileKind.CSV))
    at = header.index("import_row")
    assert [record[at] for record in records] == [f"{draft.id}:2·USD", f"{draft.id}:2·EUR", f"{draft.id}:3"]


def test_a_mark_that_appears_twice_is_an_error_of_both_rows(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    done = matched_by_hand(importer)
    table = cells_of(fixed(results_of(importer, done, Variant.NOT_CREATED, FileKind.CSV)))
    copied = [*table[1]]
    copied[1] = "c-5"
    again = upload(importer, "copied.csv", as_csv([*table, copied]))
    states = [(row.number, row.state) for row in importer.rows(again)]
    assert states == [(2, RowState.INVALID), (3, RowState.READY), (4, RowState.INVALID)]
    assert "has the same import_row as row 2" in (importer.rows(again)[2].message or "")
    assert "has the same import_row as row 4" in (importer.rows(again)[0].message or "")
    importer.finish(again)
    assert customers(practice_blnk) == ["c-1", "c-2", "c-4"]


def test_results_of_another_instance_or_of_an_import_that_is_not_here_are_read_as_any_file(
    importer: Importer,
) -> None:
    table = [
        ["ledger_id", "currency", "note", "balance_id", "status", "message", "import_ref", "import_row"],
        [LEDGER, "USD", "'=1", "", "Invalid", "", "", "imp_00000000000000000000:2"],
    ]
    draft = upload(importer, "foreign.csv", as_csv(table))
    assert importer.counts(draft) == {RowState.READY: 1}


@pytest.mark.parametrize("text", ["imp_1:2", "imp_1:2·USD", "imp_a-b_c:1048576·POINTS"])
def test_a_mark_is_read_as_it_was_written(text: str) -> None:
    assert str(Mark.read(text)) == text


@pytest.mark.parametrize("text", ["", "imp_1", "imp_1:x", "1:2", "imp_1:2·", "imp_1:2 3", "imp_1:-2"])
def test_what_is_not_a_mark_is_ignored(text: str) -> None:
    assert Mark.read(text) is None


def test_the_receipts_totals_add_up_to_all_rows(practice_blnk: PracticeBlnk, importer: Importer) -> None:
    done = matched_by_hand(importer)
    with importer.store.read() as tx:
        totals = contents_of(tx, done)["totals"]
    assert [(one["ledger_id"], one["currency"]) for one in totals][-1] == ("", "")
    assert totals[-1]["balances"] == {"Invalid": 2}
    assert sum(n for one in totals for n in one["balances"].values()) == 4


@pytest.mark.parametrize("importer", BOTH_DATABASES, indirect=True)
def test_each_row_that_waits_for_a_person_is_shown_however_many_others_are_in_doubt(
    importer: Importer,
) -> None:
    done, made = done_but_for(importer, requests_for(620))
    assert done.state is ImportState.DONE
    last = made[-1]
    with importer.store.write() as tx:
        table = tables.rows
        tx.execute(table.update().where(table.c.id < last.id).values(waits_for_person=False))
        assert imports.by_number(tx, done.number).waiting_for_person == 1
        assert [row.id for row in rows.waiting_for_person(tx, done.number, limit=10)] == [last.id]
