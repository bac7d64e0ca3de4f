"""A fix is checked in the act, without reading the file again; what that cannot tell, the whole file does."""

import threading
from collections.abc import Callable, Sequence

import orjson
import pytest
from sqlalchemy import select, update

from blnk_api.client import BlnkClient
from blnk_api.drafts import drafts
from blnk_api.drafts.drafts import NotConfirmed
from blnk_api.drafts.edits import editing, file_choices
from blnk_api.drafts.edits.editing import Edit
from blnk_api.drafts.rechecking import change_and_check, last_check
from blnk_api.drafts.rechecking.change_and_check import AtOnce
from blnk_api.reports import results
from blnk_api.reports.results import Variant
from blnk_api.store import tables
from blnk_api.store.imports import Import
from blnk_api.store.people import edits as kept_edits
from blnk_api.store.states import ImportState, RowState, Stage
from tests.support import fixes
from tests.support.actors import actor
from tests.support.importer import BOTH_DATABASES, LEDGER, Importer, mapping_of
from tests.support.practice import PracticeBlnk

HEADER = "ledger_id,currency,note"
IDENTITY = "idt_aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"


def checked(importer: Importer, *lines: str, header: str = HEADER) -> Import:
    return fixes.check_whole(importer, fixes.upload(importer, "\n".join([header, *lines]) + "\n"))


def fix(importer: Importer, draft: Import, *cells: Edit) -> Import:
    editing.edit(importer.store, draft.id, cells, who=actor(), at_once=fixes.at_once(importer))
    return importer.find(draft.id)


def states(importer: Importer, draft: Import) -> dict[int, RowState]:
    return {row.number: row.state for row in importer.rows(draft)}


def refs(importer: Importer, draft: Import) -> list[str | None]:
    return [row.ref for row in importer.rows(draft)]


@pytest.mark.parametrize("importer", BOTH_DATABASES, indirect=True)
def test_a_fix_is_checked_at_once_and_the_file_is_not_read(importer: Importer) -> None:
    draft = checked(importer, f"{LEDGER},NGN,a", "Nowhere,NGN,b", f"{LEDGER},NGX,c")
    importer.files.delete(f"uploads/{draft.file_path}")
    now = fix(importer, draft, Edit(3, 0, LEDGER))
    assert now.stage is Stage.CHECKED
    assert now.counts == {RowState.READY: 2, RowState.INVALID: 1}
    assert [one.rows for one in now.totals.problems] == [("4",)]
    assert (now.totals.balances, now.totals.invalid) == (2, 1)
    assert [one.n for one in now.totals.by_ledger] == [2]


def test_a_fix_makes_another_version_of_the_draft(importer: Importer) -> None:
    draft = checked(importer, f"{LEDGER},NGN,a", "Nowhere,NGN,b")
    fix(importer, draft, Edit(3, 0, LEDGER))
    with pytest.raises(NotConfirmed, match="changed since"):
        drafts.confirm(importer.store, importer.settings, id=draft.id, who=actor(), version=draft.version)


def test_duplicates_are_numbered_again_when_one_is_fixed(importer: Importer) -> None:
    draft = checked(importer, *[f"{LEDGER},NGN,same"] * 3, f"{LEDGER},NGN,other")
    first, second, third, other = refs(importer, draft)
    now = fix(importer, draft, Edit(2, 2, "other"))
    assert now.stage is Stage.CHECKED
    assert refs(importer, draft) == [other, first, second, str(other)[:-1] + "1"]
    assert third not in refs(importer, draft)


def _one_key(importer: Importer) -> Import:
    header = "ledger_id,currency,reference"
    return checked(importer, *(f"{LEDGER},NGN,{key}" for key in ("r1", "r2", "r3")), header=header)


def _one_indicator(importer: Importer) -> Import:
    header = "ledger_id,currency,indicator"
    lines = (f"general_ledger_id,NGN,{name}" for name in ("@r1", "@r2", "@r3"))
    return checked(importer, *lines, header=header)


def _one_key_column(importer: Importer) -> Import:
    draft = checked(importer, *(f"{LEDGER},NGN,{note}" for note in ("r1", "r2", "r3")))
    chosen = mapping_of(draft).model_copy(update={"match_columns": ("note",)})
    file_choices.match(importer.store, draft.id, chosen, who=actor())
    return fixes.check_whole(importer, importer.find(draft.id))


@pytest.mark.parametrize("made", [_one_key, _one_indicator, _one_key_column])
def test_two_rows_that_become_equal_are_reported_until_they_differ_again(
    importer: Importer, made: Callable[[Importer], Import]
) -> None:
    draft = made(importer)
    assert draft.counts == {RowState.READY: 3}
    kept = importer.rows(draft)[2].cells[2]
    for text, both in ((kept.replace("3", "1"), {2, 4}), (kept.replace("3", "2"), {3, 4}), (kept, set())):
        now = fix(importer, draft, Edit(4, 2, text))
        assert now.stage is Stage.CHECKED
        found = {number for number, state in states(importer, draft).items() if state is RowState.INVALID}
        assert found == both
        assert fixes.verdict(importer, draft) == fixes.verdict_of_whole(importer, draft)


def test_a_row_that_is_fixed_into_one_that_exists_is_not_sent(
    importer: Importer, practice_blnk: PracticeBlnk
) -> None:
    importer.start()
    importer.finish(importer.upload(f"{HEADER}\n{LEDGER},NGN,a\n"))
    importer.stop()
    draft = checked(importer, f"{LEDGER},NGN,b", "Nowhere,NGN,a")
    fix(importer, draft, Edit(3, 0, LEDGER))
    assert states(importer, draft) == {2: RowState.READY, 3: RowState.EXISTS}
    assert importer.find(draft.id).totals.existing == 1


def test_only_rows_that_a_fix_changes_are_written(importer: Importer) -> None:
    draft = checked(importer, *(f"{LEDGER},NGN,{at}" for at in range(20)), "Nowhere,NGN,x")
    before = {row.number: row.changed_at for row in importer.rows(draft)}
    fix(importer, draft, Edit(22, 0, LEDGER))
    after = {row.number: row.changed_at for row in importer.rows(draft)}
    assert {number for number in before if before[number] != after[number]} == {22}


def test_a_row_that_stays_invalid_asks_blnk_nothing(importer: Importer, practice_blnk: PracticeBlnk) -> None:
    draft = checked(importer, "Nowhere,NGX,x")
    practice_blnk.forget_requests()
    now = fix(importer, draft, Edit(2, 0, LEDGER))
    assert now.stage is Stage.CHECKED
    assert practice_blnk.requests()["total"] == 0


def test_a_ledger_created_in_blnk_meanwhile_is_found(importer: Importer, practice_blnk: PracticeBlnk) -> None:
    draft = checked(importer, "Nowhere,NGN,a", "Brand new,NGN,b")
    practice_blnk.create_ledger("Brand new")
    now = fix(importer, draft, Edit(2, 0, "Brand new"))
    assert now.stage is Stage.CHECKING, "other rows may be right now too"
    fixes.check_whole(importer, now)
    assert states(importer, draft) == {2: RowState.READY, 3: RowState.READY}


def test_a_customer_that_no_row_named_before_is_looked_up(
    importer: Importer, practice_blnk: PracticeBlnk
) -> None:
    draft = checked(importer, f"{LEDGER},NGN,Nobody at all,a", header="ledger_id,currency,identity_id,note")
    assert states(importer, draft) == {2: RowState.INVALID}
    now = fix(importer, draft, Edit(2, 2, "Ada Okafor"))
    assert now.stage is Stage.CHECKED
    [row] = importer.rows(draft)
    assert orjson.loads(row.body or b"")["identity_id"] == IDENTITY
    again = fix(importer, draft, Edit(2, 3, "b"))
    assert again.stage is Stage.CHECKED, "what was asked once is known"
    assert again.counts == {RowState.READY: 1}


@pytest.mark.parametrize(("named", "stage"), [("Ada Okafor", Stage.CHECKING), ("Acme Ltd", Stage.CHECKED)])
def test_a_customer_who_is_suggested_to_another_row_concerns_more_than_one_row(
    importer: Importer, named: str, stage: Stage
) -> None:
    lines = (f"{LEDGER},NGN,Ada Okafro,a", f"{LEDGER},NGN,{named},b")
    draft = checked(importer, *lines, header="ledger_id,currency,identity_id,note")
    now = fix(importer, draft, Edit(3, 2, ""))
    assert now.stage is stage
    fixes.check_whole(importer, now)
    assert fixes.verdict(importer, draft) == fixes.verdict_of_whole(importer, draft)


def _change_results(importer: Importer) -> tuple[Import, Edit]:
    importer.start()
    done = importer.finish(importer.upload(f"{HEADER}\n{LEDGER},NGN,a\n"))
    importer.stop()
    text = b"".join(results.stream(importer.store, done, Variant.ALL)).decode("utf-8-sig")
    return fixes.check_whole(importer, fixes.upload(importer, text)), Edit(2, 0, LEDGER + " ")


def _add_a_balance(importer: Importer) -> tuple[Import, Edit]:
    return checked(importer, f"{LEDGER},NGX,a"), Edit(2, 1, "USD;EUR")


def _fill_a_nameless_column(importer: Importer) -> tuple[Import, Edit]:
    return checked(importer, "Nowhere,NGN,a,", header=f"{HEADER},"), Edit(2, 3, "x")


def _after_an_upgrade(importer: Importer) -> tuple[Import, Edit]:
    draft = checked(importer, "Nowhere,NGN,a")
    with importer.store.write() as tx:
        tx.execute(tables.known_in_blnk.delete())
    return draft, Edit(2, 0, LEDGER)


def _much_later(importer: Importer) -> tuple[Import, Edit]:
    draft = checked(importer, "Nowhere,NGN,a")
    with importer.store.write() as tx:
        tx.execute(update(tables.known_in_blnk).values(at=tables.known_in_blnk.c.at - 3_600))
    return draft, Edit(2, 0, LEDGER)


def _a_long_cell(importer: Importer) -> tuple[Import, Edit]:
    return checked(importer, "Nowhere,NGN," + "x" * 300_000), Edit(2, 0, LEDGER)


@pytest.mark.parametrize(
    "made",
    [
        *(_change_results, _add_a_balance, _fill_a_nameless_column),
        *(_after_an_upgrade, _much_later, _a_long_cell),
    ],
)
def test_what_a_few_rows_do_not_show_the_whole_file_does(
    importer: Importer, made: Callable[[Importer], tuple[Import, Edit]]
) -> None:
    draft, cell = made(importer)
    assert draft.stage is Stage.CHECKED
    now = fix(importer, draft, cell)
    assert now.stage is Stage.CHECKING
    fixes.check_whole(importer, now)
    assert fixes.verdict(importer, draft) == fixes.verdict_of_whole(importer, draft)


def test_very_many_rows_are_checked_with_the_whole_file(importer: Importer) -> None:
    draft = checked(importer, *(f"Custmer wallets,NGN,{at}" for at in range(201)))
    [problem] = draft.totals.problems
    editing.fix_all(
        importer.store, draft.id, problem, repair=LEDGER, who=actor(), at_once=fixes.at_once(importer)
    )
    assert importer.find(draft.id).stage is Stage.CHECKING


@pytest.mark.parametrize(("limit", "most"), [("_MOST_COMPARED", 3), ("_MOST_CURRENCIES", 1)])
def test_no_fix_blocks_other_writes_while_it_searches_for_a_suggestion(
    importer: Importer, monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    draft = checked(importer, "Nowhere,NGN,a", "Elsewhere,USD,b")
    monkeypatch.setattr(last_check, limit, most)
    now = fix(importer, draft, Edit(2, 2, "c"), Edit(3, 2, "d"))
    assert now.stage is Stage.CHECKING


def test_the_rows_of_a_large_group_are_named_again_when_one_is_fixed(importer: Importer) -> None:
    draft = checked(importer, *(f"Nowhere,NGN,{at}" for at in range(60)))
    now = fix(importer, draft, Edit(3, 0, LEDGER))
    assert now.stage is Stage.CHECKED
    [problem] = now.totals.problems
    assert problem.count == 59
    assert problem.rows == ("2", *map(str, range(4, 53)))


@pytest.mark.parametrize("importer", BOTH_DATABASES, indirect=True)
def test_two_people_fix_at_once_and_both_fixes_count(importer: Importer) -> None:
    draft = checked(importer, *["Nowhere,NGN,same"] * 6)
    together = threading.Barrier(3)

    def one_after_the_other(numbers: Sequence[int]) -> None:
        together.wait()
        for number in numbers:
            fix(importer, draft, Edit(number, 0, LEDGER))

    people = [threading.Thread(target=one_after_the_other, args=[part]) for part in ((2, 4, 6), (3, 5))]
    for one in people:
        one.start()
    together.wait()
    for one in people:
        one.join()
    if importer.find(draft.id).stage is not Stage.CHECKED:
        fixes.check_whole(importer, importer.find(draft.id))
    with importer.store.read() as tx:
        assert len(kept_edits.of_import(tx, draft.number)) == 5
    assert fixes.verdict(importer, draft) == fixes.verdict_of_whole(importer, draft)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever fixes a cell waits no longer for Blnk than this."""
    monkeypatch.setattr(change_and_check, "_ANSWER_SECONDS", 0.3)


def test_if_blnk_does_not_answer_the_fix_is_kept_and_looked_up_later(
    importer: Importer, practice_blnk: PracticeBlnk, impatient: None
) -> None:
    draft = checked(importer, "Nowhere,NGN,a")
    practice_blnk.order_fault("status_before_commit", status=503, on="any")
    now = fix(importer, draft, Edit(2, 0, LEDGER))
    assert now.stage is Stage.LOOKING
    with pytest.raises(NotConfirmed):
        drafts.confirm(importer.store, importer.settings, id=draft.id, who=actor(), version=now.version)
    practice_blnk.clear_faults()
    importer.start()
    assert importer.wait_until_checked(now).counts == {RowState.READY: 1}


def test_a_value_that_blnk_cannot_be_asked_for_is_left_to_the_sender(
    importer: Importer, practice_blnk: PracticeBlnk, impatient: None
) -> None:
    draft = checked(importer, "Nowhere,NGN,a")
    practice_blnk.order_fault("status_before_commit", status=503, on="any")
    now = fix(importer, draft, Edit(2, 0, "Elsewhere"))
    assert now.stage is Stage.CHECKING
    practice_blnk.clear_faults()
    importer.start()
    assert importer.wait_until_checked(now).counts == {RowState.INVALID: 1}
    assert importer.rows(draft)[0].cells[0] == "Elsewhere"


def test_what_was_fixed_at_once_is_sent_as_it_was_fixed(
    importer: Importer, practice_blnk: PracticeBlnk
) -> None:
    draft = checked(importer, f"{LEDGER},NGN,same", "Nowhere,NGN,same", f"{LEDGER},NGX,c")
    now = fix(importer, draft, Edit(3, 0, LEDGER), Edit(4, 1, "USD"))
    importer.start()
    done = importer.finish(now)
    assert done.state is ImportState.DONE
    made = [(one["currency"], one["meta_data"]["note"]) for one in practice_blnk.balances()]
    assert sorted(made) == [("NGN", "same"), ("NGN", "same"), ("USD", "c")]
    assert sorted(practice_blnk.refs()) == sorted(str(one) for one in refs(importer, draft))


@pytest.mark.parametrize("is_confirmed", [True, False], ids=["confirmed", "discarded"])
def test_the_customers_that_a_file_names_are_kept_no_longer_than_its_draft(
    importer: Importer, is_confirmed: bool
) -> None:
    draft = checked(importer, f"{LEDGER},NGN,Ada Okafor,a", header="ledger_id,currency,identity_id,note")

    def kept() -> list[str]:
        with importer.store.read() as tx:
            return list(tx.execute(select(tables.known_in_blnk.c.known)).scalars())

    assert "Ada Okafor" in kept()[0]
    if is_confirmed:
        importer.confirm(draft)
    else:
        importer.cancel(draft)
    assert kept() == []


def test_another_choice_of_columns_is_checked_with_the_whole_file(importer: Importer) -> None:
    draft = checked(importer, f"{LEDGER},NGN,a")
    chosen = mapping_of(draft).model_copy(update={"match_columns": ("note",)})
    file_choices.match(importer.store, draft.id, chosen, who=actor())
    assert importer.find(draft.id).stage is Stage.CHECKING


def test_a_fix_uses_the_client_of_the_page(importer: Importer) -> None:
    asked: list[str] = []

    def client(connection: object) -> BlnkClient:
        asked.append("once")
        return BlnkClient(importer.connection)

    draft = checked(importer, "Nowhere,NGN,a")
    chosen = AtOnce(importer.settings, client)
    editing.edit(importer.store, draft.id, [Edit(2, 0, LEDGER)], who=actor(), at_once=chosen)
    assert asked == ["once"]
