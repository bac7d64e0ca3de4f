"""Rows to fix as a workbook: what is downloaded, and what a person's changes in it do."""

from pathlib import Path

import pytest

from blnk_api.drafts.edits import editing
from blnk_api.drafts.edits.problem_workbook import NUMBER, REASONS, NotTheseRows
from blnk_api.store.imports import Import
from blnk_api.store.people.edits import Edit
from blnk_api.store.states import RowState
from tests.support import workbooks
from tests.support.actors import actor
from tests.support.importer import LEDGER, Importer
from tests.support.problem_rows import Change, as_csv, read_back, sent_out, table

LINES = [
    "ledger_id,currency,note,note 2",
    f"{LEDGER},USD,good,",
    f"{LEDGER},US,=1+1,007",
    f'Custmer wallets,XXQ," two\r\nlines ",{"y" * 33_000}',
    f"{LEDGER},NGN;US,_x0041_,<r>x</r>",
    f"{LEDGER},NGN",
]


@pytest.fixture
def draft(importer: Importer) -> Import:
    return importer.upload("\n".join(LINES))


def test_the_rows_come_with_their_number_their_columns_and_what_is_wrong(
    importer: Importer, draft: Import, tmp_path: Path
) -> None:
    header, *told = table(sent_out(importer, draft, tmp_path))
    assert header == [NUMBER, "ledger_id", "currency", "note", "note 2", REASONS]
    assert [row[0] for row in told] == ["3", "4", "5", "6"]
    assert told[0][1:5] == [LEDGER, "US", "=1+1", "007"]
    assert told[0][5].startswith("currency: “US” is not a known currency")
    assert "“Custmer wallets” is not a known ledger" in told[1][5]
    assert told[1][5].count("\n") == 1
    assert told[2][4] == "<r>x</r>"
    assert "2 cells under 4 columns" in told[3][5]


def test_rows_that_come_back_unchanged_change_nothing(
    importer: Importer, draft: Import, tmp_path: Path
) -> None:
    path = sent_out(importer, draft, tmp_path)
    assert read_back(importer, draft, path) == []
    saved = as_csv(path, lambda cells: cells[2].__setitem__(3, cells[2][3].replace("\r\n", "\n")))
    assert read_back(importer, draft, saved) == []


def test_changed_cells_are_found_by_number_and_name_and_fix_the_draft(
    importer: Importer, draft: Import, tmp_path: Path
) -> None:
    def change(cells: list[list[str]]) -> None:
        cells[1][2] = "USD"
        cells[2][1:3] = ["Customer wallets", "eur"]
        cells[3][2] = "NGN;USD"
        del cells[4]
        cells[1:] = reversed(cells[1:])
        for row in cells:
            row.insert(1, row.pop(3))
            row.pop()

    path = as_csv(sent_out(importer, draft, tmp_path), change)
    edits = read_back(importer, draft, path)
    assert sorted(edits) == [
        Edit(3, 1, "USD"),
        Edit(4, 0, "Customer wallets"),
        Edit(4, 1, "eur"),
        Edit(5, 1, "NGN;USD"),
    ]
    editing.edit(importer.store, draft.id, edits, who=actor())
    checked = importer.wait_until_checked(draft)
    assert checked.counts == {RowState.READY: 5, RowState.INVALID: 1}
    assert read_back(importer, draft, path) == []


def test_a_cell_that_was_fixed_on_the_page_is_downloaded_as_it_is_now(
    importer: Importer, draft: Import, tmp_path: Path
) -> None:
    editing.edit(importer.store, draft.id, [Edit(4, 0, "Customer wallets")], who=actor())
    importer.wait_until_checked(draft)
    told = table(sent_out(importer, importer.find(draft.id), tmp_path))
    assert told[2][1] == "Customer wallets"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda cells: cells[0].__setitem__(0, "Number"), "does not name the column"),
        (lambda cells: cells[0].__setitem__(1, "Account"), "no column “Account”"),
        (lambda cells: cells[1].__setitem__(0, "three"), "has three as its row"),
        (lambda cells: cells[1].__setitem__(0, ""), "has nothing as its row"),
        (lambda cells: cells[1].__setitem__(0, "4"), "Row 4 appears twice"),
        (lambda cells: cells[1].__setitem__(0, "99"), "no row 99"),
        (lambda cells: cells[1].pop(), "Line 2 cannot be used"),
    ],
)
def test_a_file_that_does_not_match_is_rejected_with_a_sentence(
    importer: Importer, draft: Import, tmp_path: Path, change: Change, said: str
) -> None:
    path = as_csv(sent_out(importer, draft, tmp_path), change)
    with pytest.raises(NotTheseRows, match=said):
        read_back(importer, draft, path)


def test_rows_of_another_draft_and_other_files_are_rejected(
    importer: Importer, draft: Import, tmp_path: Path
) -> None:
    other = importer.upload("\n".join(LINES[:4]), name="other.csv")
    with pytest.raises(NotTheseRows, match="belong to another file"):
        read_back(importer, draft, sent_out(importer, other, tmp_path))
    broken = tmp_path / "broken.xlsx"
    broken.write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(NotTheseRows, match="damaged"):
        read_back(importer, draft, broken)
    plain = workbooks.write(
        tmp_path / "plain.xlsx",
        workbooks.parts({"Sheet": workbooks.header("a", "b") + workbooks.row(2, workbooks.text("A2", "1"))}),
    )
    with pytest.raises(NotTheseRows, match="does not name the column"):
        read_back(importer, draft, plain)
