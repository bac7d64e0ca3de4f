"""Two columns of one name: what is changed, sent and reported is of the one that is meant, and of no
other."""

import csv
import io
from dataclasses import asdict
from pathlib import Path

import orjson
import pytest
from sqlalchemy import update

from blnk_api.drafts import mapping as mappings
from blnk_api.drafts import mapping_changes
from blnk_api.drafts.checking.problem_groups import group
from blnk_api.drafts.edits import editing, file_choices
from blnk_api.drafts.edits.editing import NotRepairable
from blnk_api.drafts.edits.problem_workbook import NotTheseRows
from blnk_api.facts.file_shape import FileShape
from blnk_api.facts.mapping import Use
from blnk_api.facts.problems import Problem
from blnk_api.facts.totals import ProblemSummary
from blnk_api.files.column_labels import distinct_labels
from blnk_api.reports import receipts, results
from blnk_api.store import events, tables
from blnk_api.store.imports import Import
from blnk_api.store.people import edits as repairs
from blnk_api.store.people.edits import Edit
from blnk_api.store.states import RowState
from blnk_api.wording import about_files
from tests.support.actors import actor
from tests.support.importer import LEDGER, Importer, mapping_of
from tests.support.practice import PracticeBlnk
from tests.support.problem_rows import as_csv, read_back, sent_out, table

LINES = [
    "ledger_id,currency,currency,customer",
    f"{LEDGER},legacy EUR,USDD,C-1",
    f"{LEDGER},USDD,USDD,C-2",
    f"{LEDGER},legacy NGN,NGN,C-3",
]
HELD = [("C-1", "USD", "legacy EUR"), ("C-2", "USD", "USDD"), ("C-3", "NGN", "legacy NGN")]


def held(blnk: PracticeBlnk) -> list[tuple[str, str, str]]:
    """What Blnk has: the customer, the balance's currency, the column that is only kept with it."""
    return sorted(
        (one["meta_data"]["customer"], one["currency"], one["meta_data"]["currency"])
        for one in blnk.balances()
    )


@pytest.fixture
def draft(importer: Importer) -> Import:
    """The second "currency" is the balance's; of rows 2 and 3 it is no currency."""
    importer.start()
    return second_is_the_currency(importer, importer.upload("\n".join(LINES)))


def second_is_the_currency(importer: Importer, draft: Import) -> Import:
    mapping = mapping_of(draft)
    mapping = mapping_changes.with_use(mapping, 1, Use.METADATA, "currency")
    file_choices.match(
        importer.store, draft.id, mapping_changes.with_use(mapping, 2, Use.CURRENCY), who=actor()
    )
    return importer.wait_until_checked(draft)


def wrong_currency(draft: Import) -> ProblemSummary:
    [found] = [one for one in draft.totals.problems if one.kind == "unknown_currency"]
    return found


def test_fix_all_writes_into_the_column_that_is_wrong(
    importer: Importer, draft: Import, practice_blnk: PracticeBlnk
) -> None:
    assert importer.counts(draft) == {RowState.INVALID: 2, RowState.READY: 1}
    changed = editing.fix_all(importer.store, draft.id, wrong_currency(draft), repair="USD", who=actor())
    assert changed == 2
    done = importer.finish(importer.wait_until_checked(draft))
    assert held(practice_blnk) == HELD
    receipt = receipts_of(importer, done)
    assert [(one["row"], one["column"], one["old"], one["new"]) for one in receipt["changes"]] == [
        (2, "currency (column 3)", "USDD", "USD"),
        (3, "currency (column 3)", "USDD", "USD"),
    ]
    with importer.store.read() as tx:
        [event] = [one for one in events.of_import(tx, done.number) if one.what == "repaired"]
        assert (event.detail.cells, event.detail.columns) == (2, (2,))
    told = b"".join(results.stream(importer.store, importer.find(done.id), results.Variant.ALL))
    lines = list(csv.reader(io.StringIO(told.decode("utf-8-sig"))))
    assert lines[1][:4] == [LEDGER, "legacy EUR", "USD", "C-1"]
    assert "currency (column 3) was “USDD”." in lines[1][lines[0].index("message")]


def receipts_of(importer: Importer, done: Import) -> dict[str, list[dict[str, object]]]:
    receipts.write_owed(importer.store, importer.files, done.number)
    with importer.store.read() as tx:
        told = tx.execute(tables.receipts.select().where(tables.receipts.c.import_ == done.number)).first()
    assert told is not None
    found: dict[str, list[dict[str, object]]] = orjson.loads(told.told)
    return found


def test_a_problem_that_an_earlier_version_found_is_not_put_into_a_column_of_the_same_name(
    importer: Importer, draft: Import, practice_blnk: PracticeBlnk
) -> None:
    forget_positions(importer, draft)
    problem = wrong_currency(draft).model_copy(update={"position": None})
    with pytest.raises(NotRepairable, match="2 columns of the file are called “currency”"):
        editing.fix_all(importer.store, draft.id, problem, repair="USD", who=actor())
    with importer.store.read() as tx:
        assert repairs.of_import(tx, draft.number) == []
    editing.edit(importer.store, draft.id, [Edit(2, 2, "USD"), Edit(3, 2, "USD")], who=actor())
    importer.finish(importer.wait_until_checked(draft))
    assert held(practice_blnk) == HELD


def test_a_problem_that_an_earlier_version_found_is_fixed_where_one_column_has_its_name(
    importer: Importer,
) -> None:
    importer.start()
    draft = importer.upload(f"ledger_id,currency\n{LEDGER},USDD\n")
    forget_positions(importer, draft)
    problem = wrong_currency(draft).model_copy(update={"position": None})
    assert editing.fix_all(importer.store, draft.id, problem, repair="USD", who=actor()) == 1
    assert importer.counts(importer.wait_until_checked(draft)) == {RowState.READY: 1}


def forget_positions(importer: Importer, draft: Import) -> None:
    """As a draft stands that a version checked which kept a column's header alone."""
    with importer.store.write() as tx:
        for row in importer.rows(draft):
            kept = [{k: v for k, v in asdict(one).items() if k != "position"} for one in row.problems]
            told = orjson.dumps(kept).decode() if kept else None
            tx.execute(update(tables.rows).where(tables.rows.c.id == row.id).values(problems=told))


def test_a_text_is_replaced_in_the_chosen_one_of_two_columns(
    importer: Importer, draft: Import, practice_blnk: PracticeBlnk
) -> None:
    at = about_files.columns(draft).index("currency (column 3)")
    editing.replace_all(
        importer.store, draft.id, position=at, find="USDD", put="USD", whole_cell=True, who=actor()
    )
    importer.finish(importer.wait_until_checked(draft))
    assert held(practice_blnk) == HELD


def test_a_nameless_column_is_fixed_in_its_place(importer: Importer, practice_blnk: PracticeBlnk) -> None:
    importer.start()
    draft = importer.upload(f"ledger_id,,customer\n{LEDGER},USDD,C-1\n")
    mapping = mapping_changes.with_use(mapping_of(draft), 1, Use.CURRENCY)
    file_choices.match(importer.store, draft.id, mapping, who=actor())
    draft = importer.wait_until_checked(draft)
    editing.fix_all(importer.store, draft.id, wrong_currency(draft), repair="USD", who=actor())
    importer.finish(importer.wait_until_checked(draft))
    [made] = practice_blnk.balances()
    assert (made["currency"], made["meta_data"]["customer"]) == ("USD", "C-1")


def test_the_workbook_of_rows_to_fix_keeps_columns_of_one_name_apart(
    importer: Importer, draft: Import, practice_blnk: PracticeBlnk, tmp_path: Path
) -> None:
    path = sent_out(importer, draft, tmp_path)
    header, *rows = table(path)
    assert header[1:5] == ["ledger_id", "currency (column 2)", "currency (column 3)", "customer"]
    assert rows[0][5].startswith("currency (column 3): “USDD” is not a known currency")

    def without_the_first(cells: list[list[str]]) -> None:
        for row in cells:
            del row[2]
        for row in cells[1:]:
            row[2] = "USD"

    edits = read_back(importer, draft, as_csv(path, without_the_first))
    assert edits == [Edit(2, 2, "USD"), Edit(3, 2, "USD")]
    editing.edit(importer.store, draft.id, edits, who=actor())
    importer.finish(importer.wait_until_checked(draft))
    assert held(practice_blnk) == HELD


def test_a_workbook_with_ambiguous_columns_is_rejected(
    importer: Importer, draft: Import, tmp_path: Path
) -> None:
    path = sent_out(importer, draft, tmp_path)

    def bare(cells: list[list[str]]) -> None:
        cells[0][2] = cells[0][3] = "currency"
        cells[1][3] = "USD"

    assert read_back(importer, draft, as_csv(path, bare)) == [Edit(2, 2, "USD")]

    def one_only(cells: list[list[str]]) -> None:
        bare(cells)
        for row in cells:
            del row[2]

    with pytest.raises(NotTheseRows, match="has 2 columns currency"):
        read_back(importer, draft, as_csv(path, one_only))

    def twice(cells: list[list[str]]) -> None:
        cells[0][2] = cells[0][3]

    with pytest.raises(NotTheseRows, match="appears twice"):
        read_back(importer, draft, as_csv(path, twice))


def test_problems_of_two_columns_of_one_name_are_two_groups() -> None:
    def at(position: int) -> Problem:
        return Problem("control_character", 2, "", "note", "x", "…", "error", "y", position)

    assert [one.position for one in group([at(1), at(2)])] == [1, 2]


def test_names_distinguish_every_column() -> None:
    assert distinct_labels(["a", "b"]) == ["a", "b"]
    assert distinct_labels(["a", "", "A"]) == ["a (column 1)", "Column 2", "A (column 3)"]
    assert distinct_labels(["", "Column 1"]) == ["Column 1 (column 1)", "Column 1 (column 2)"]
    assert distinct_labels(["Row", "x"], taken=["Row"]) == ["Row (column 1)", "x"]
    assert distinct_labels(["€", "%"]) == ["€", "%"]
    hard = distinct_labels(["a", "a", "a (column 2)", "a (column 3)"])
    assert len(set(hard)) == 4
    assert distinct_labels([]) == []


def test_a_saved_choice_is_applied_to_the_column_with_the_same_spelling() -> None:
    def shape(*headers: str) -> FileShape:
        return FileShape(kind="csv", header_row=1, headers=list(headers))

    saved = mappings.guess(shape("ledger_id", "Currency", "currency"))
    saved = mapping_changes.with_use(saved, 1, Use.METADATA, "old_currency")
    saved = mapping_changes.with_use(saved, 2, Use.CURRENCY)
    now = mappings.adopt(saved, shape("currency", "ledger_id", "Currency"))
    assert [one.use for one in now.columns] == [Use.CURRENCY, Use.LEDGER, Use.METADATA]
    assert now.columns[2].name == "old_currency"
