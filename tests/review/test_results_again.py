"""Results that come back: nothing is made twice, and what is missing is made, from CSV and XLSX alike."""

from pathlib import Path

from blnk_api import files
from blnk_api.drafts import mapping, mapping_changes
from blnk_api.drafts.edits import editing, file_choices
from blnk_api.facts.mapping import ForAllRows, Use
from blnk_api.files.kinds import FileKind
from blnk_api.reports import results
from blnk_api.reports.results import Variant
from blnk_api.store.people.edits import Edit
from blnk_api.store.states import RowState
from tests.support.actors import actor
from tests.support.importer import LEDGER, Importer, mapping_of
from tests.support.practice import PracticeBlnk
from tests.support.results import KINDS, results_of, upload

ODD = ["=1+1", "'=1", "007", "1e5", " x ", "two\nlines", "<r>x</r>", "_x0041_", "Zoë", "-", "'", ""]


def quoted(cells: list[str]) -> str:
    return ",".join('"' + cell.replace('"', '""') + '"' for cell in cells)


@KINDS
def test_a_file_of_results_creates_nothing(
    practice_blnk: PracticeBlnk, importer: Importer, kind: FileKind, tmp_path: Path
) -> None:
    lines = [
        quoted(["Customer", "Öde Notiz", "status"]),
        *(quoted([f"c-{n}", odd, "new"]) for n, odd in enumerate(ODD)),
    ]
    path = tmp_path / "customers.csv"
    path.write_text("\n".join(lines), newline="")
    guessed = mapping.guess(files.detect(path, path.name))
    chosen = guessed.model_copy(
        update={"for_all_rows": ForAllRows(ledger_id="Customer wallets", currencies=("USD", "NGN"))}
    )
    draft = upload(importer, "customers.csv", path.read_bytes(), mapping=chosen)
    editing.edit(importer.store, draft.id, [Edit(3, 1, "=2"), Edit(4, 1, "")], who=actor())
    done = importer.finish(importer.wait_until_checked(draft))
    held = practice_blnk.refs()
    assert len(held) == len(set(held)) == 2 * len(ODD)

    again = upload(importer, f"r.{kind}", results_of(importer, done, Variant.ALL, kind))
    assert (again.totals.balances, again.totals.existing) == (0, len(held))
    assert set(importer.states(again)) == {RowState.EXISTS}
    assert practice_blnk.refs() == held


@KINDS
def test_rows_without_an_id_are_known_by_their_content(
    practice_blnk: PracticeBlnk, importer: Importer, kind: FileKind
) -> None:
    """As if the answers had been lost: the same rows, guarded or not, mean the balances that exist."""
    text = "\n".join(["ledger_id,currency,note", *(quoted([LEDGER, "NGN", odd]) for odd in ODD)])
    draft = importer.upload(text)
    before = results_of(importer, draft, Variant.NOT_CREATED, kind)
    importer.finish(draft)
    held = practice_blnk.refs()
    again = upload(importer, f"r.{kind}", before)
    assert (again.totals.balances, again.totals.existing) == (0, len(ODD))
    assert practice_blnk.refs() == held


@KINDS
def test_the_download_not_created_creates_the_one_that_is_missing(
    practice_blnk: PracticeBlnk, importer: Importer, kind: FileKind
) -> None:
    lines = [f"{LEDGER},USD,c-{n}" for n in (*range(3), *range(3))]
    draft = importer.upload("\n".join(["ledger_id,currency,customer", *lines, f"{LEDGER},NGN;EUR,c-9"]))
    importer.spoil(draft, number=6)
    done = importer.finish(draft)
    assert importer.states(done).count(RowState.REFUSED) == 1
    again = upload(importer, f"rest.{kind}", results_of(importer, done, Variant.NOT_CREATED, kind))
    assert again.totals.balances == 1
    importer.finish(again)
    held = practice_blnk.refs()
    assert len(held) == len(set(held)) == 8
    customers = [one["meta_data"]["customer"] for one in practice_blnk.balances()]
    assert sorted(customers) == ["c-0", "c-0", "c-1", "c-1", "c-2", "c-2", "c-9", "c-9"]


def test_a_cell_that_was_cut_is_not_sent(practice_blnk: PracticeBlnk, importer: Importer) -> None:
    draft = importer.upload(f"ledger_id,currency,note\n{LEDGER},NGN,{'x' * 40_000}\n")
    data = results_of(importer, draft, Variant.NOT_CREATED, FileKind.XLSX)
    again = upload(importer, "rest.xlsx", data)
    [row] = importer.rows(again)
    assert row.state is RowState.INVALID
    assert "a lost letter" in (row.message or "")


def test_results_are_understood_as_their_file_was(practice_blnk: PracticeBlnk, importer: Importer) -> None:
    data = f"ledger_id,currency,customer,note\n{LEDGER},NGN,1,a\n{LEDGER},NGN,2,b\n".encode()
    draft = upload(importer, "customers.csv", data)
    chosen = mapping_changes.with_use(mapping_of(draft), 3, Use.METADATA, "remark")
    file_choices.match(
        importer.store, draft.id, mapping_changes.with_match(chosen, ["customer"]), who=actor()
    )
    done = importer.finish(importer.wait_until_checked(draft))
    held = practice_blnk.refs()
    lines = b"".join(results.stream(importer.store, done, Variant.ALL)).decode("utf-8-sig").splitlines()
    ids = [one["balance_id"] for one in practice_blnk.balances()]
    without_ids = "\n".join(lines)
    for id in ids:
        without_ids = without_ids.replace(id, "")

    again = upload(importer, "results.csv", without_ids.replace("Created", "Needs a look").encode())
    assert mapping_of(again).match_columns == ("customer",)
    assert importer.counts(again) == {RowState.EXISTS: 2}
    assert practice_blnk.refs() == held
