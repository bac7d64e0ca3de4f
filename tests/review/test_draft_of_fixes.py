"""Rows that are invalid or were rejected are fixed in a draft of their own: each is one balance."""

import pytest
from sqlalchemy import update

from blnk_api.drafts.edits import editing
from blnk_api.drafts.edits.editing import Edit
from blnk_api.reports import results
from blnk_api.reports.results import Variant
from blnk_api.review import draft_of_fixes, repeat_fixes
from blnk_api.review.actions import NotPossible
from blnk_api.store import imports, tables
from blnk_api.store.imports import Import
from blnk_api.store.rows import StoredRow
from blnk_api.store.sending import fix_families, superseded
from blnk_api.store.states import ImportState, RowState
from tests.support import forty_problems
from tests.support.actors import actor
from tests.support.importer import BOTH_DATABASES, LEDGER, Importer, wait_until
from tests.support.practice import PracticeBlnk

on_both_databases = pytest.mark.parametrize("importer", BOTH_DATABASES, indirect=True)

ROWS = 600
HEADER = "ledger,currency,identity_id,customer,note"
GOOD = [f"Customer wallets,USD,,good-{n}," for n in range(3)]
PROBLEMS = {
    "Custmer wallets,USD,,ledger,": {0: "Customer wallets"},
    ",USD,,no-ledger,": {0: "Customer wallets"},
    "Customer wallets,NGM,,currency,": {1: "NGN"},
    "Customer wallets,,,no-currency,": {1: "EUR"},
    "Customer wallets,USD,nobody@example.com,identity,": {2: ""},
    "Customer wallets,usd dollar,,words,": {1: "USD"},
    "Customer wallets,USD,": {2: "", 3: "ragged", 4: ""},
    "bogus,XX,,both,": {0: "Customer wallets", 1: "GBP"},
}
"""Rows with problems of eight kinds, and what fixes each."""


def open_fix(importer: Importer, import_: Import, row_ids: list[int] | None = None) -> Import:
    id = imports.new_id()
    draft_of_fixes.open_draft(importer.store, import_, id=id, who=actor(), row_ids=row_ids)
    return importer.wait_until_checked(importer.find(id))


def edit(importer: Importer, draft: Import, edits: list[Edit]) -> Import:
    editing.edit(importer.store, draft.id, edits, who=actor())
    return importer.wait_until_checked(draft)


def reject(importer: Importer, draft: Import, number: int, part: str = "") -> None:
    """Blnk will refuse this row: its ledger vanishes between the check and the sending."""
    mine = tables.rows.c
    which = (mine.import_ == draft.number, mine.number == number, mine.part == part)
    with importer.store.write() as tx:
        [body] = [one.body for one in tx.execute(tables.rows.select().where(*which))]
        before, _, after = body.partition(b'"ledger_id":"')
        gone = before + b'"ledger_id":"ldg_gone' + after[after.index(b'"') :]
        tx.execute(update(tables.rows).where(*which).values(body=gone))


def customers(blnk: PracticeBlnk) -> list[str]:
    return sorted(one["meta_data"]["customer"] for one in blnk.balances())


def by_number(importer: Importer, import_: Import) -> dict[str, StoredRow]:
    return {row.label: row for row in importer.rows(import_)}


@on_both_databases
def test_of_a_large_file_rows_with_problems_of_eight_kinds_are_fixed_and_each_row_is_one_balance(
    importer: Importer, practice_blnk: PracticeBlnk
) -> None:
    draft = importer.upload(forty_problems.text(ROWS))
    assert draft.counts == {RowState.INVALID: 40, RowState.READY: ROWS - 40}
    reject(importer, draft, 4)
    practice_blnk.order_fault("drop_after_commit", percent=1, seed=1)
    source = importer.finish(draft)
    assert source.counts == {RowState.CREATED: ROWS - 41, RowState.REFUSED: 1, RowState.INVALID: 40}

    first = open_fix(importer, source)
    assert importer.counts(source)[RowState.SUPERSEDED] == 41
    importer.cancel(first)
    assert importer.counts(source) == source.counts, "a draft that is discarded changes nothing"

    fix = edit(importer, open_fix(importer, source), forty_problems.fixes(ROWS))
    assert fix.counts == {RowState.READY: 41}
    importer.stop()
    practice_blnk.clear_faults()
    practice_blnk.order_fault("full_stop", on="create", seconds=600, skip=12)
    importer.confirm(fix)
    sender = importer.start_process()
    importer.wait_for_count(fix, RowState.CREATED, 6)
    importer.wait_for_count(fix, RowState.SENDING, 1)
    sender.kill()
    sender.wait()
    practice_blnk.clear_faults()
    importer.start()
    done = importer.wait_for(fix, ImportState.DONE)

    assert done.counts == {RowState.CREATED: 41}
    wanted = forty_problems.CUSTOMERS + forty_problems.good(ROWS - 40)
    assert customers(practice_blnk) == sorted(wanted)
    assert importer.counts(source) == {RowState.CREATED: ROWS - 41, RowState.SUPERSEDED: 41}
    with importer.store.read() as tx:
        assert [one.id for one in fix_families.fixes_of(tx, source.number)] == [fix.id]


@on_both_databases
def test_of_two_people_who_fix_the_same_rows_one_does(importer: Importer) -> None:
    source = importer.finish(importer.upload("\n".join([HEADER, *GOOD[:2], *PROBLEMS])))
    open_fix(importer, source)
    with pytest.raises(NotPossible, match="None of these rows can be fixed here"):
        draft_of_fixes.open_draft(importer.store, source, id=imports.new_id(), who=actor("Grace"))


def test_a_row_in_doubt_is_never_fixed(importer: Importer, practice_blnk: PracticeBlnk) -> None:
    importer.connect(token=practice_blnk.new_token(["proxy:write"]))
    practice_blnk.order_fault("drop_before_commit", times=1)
    draft = importer.upload("\n".join(["ledger_id,currency,customer", f"{LEDGER},USD,1", "x,USD,2"]))
    source = importer.finish(draft)
    [doubt] = [row for row in importer.rows(source) if row.state is RowState.UNKNOWN]
    with pytest.raises(NotPossible):
        draft_of_fixes.open_draft(
            importer.store, source, id=imports.new_id(), who=actor(), row_ids=[doubt.id]
        )
    with importer.store.write() as tx:
        assert superseded.supersede(tx, [doubt.id], by=source.number) == []


def test_a_rejected_part_of_a_row_is_sent_alone_and_under_its_own_reference(
    importer: Importer, practice_blnk: PracticeBlnk
) -> None:
    draft = importer.upload("\n".join([HEADER, "Customer wallets,USD;EUR;GBP,,parts,", *GOOD[:2]]))
    reject(importer, draft, 2, "EUR")
    source = importer.finish(draft)
    before = by_number(importer, source)["2·EUR"]
    fix = open_fix(importer, source)
    assert [(row.number, row.currency, row.ref) for row in importer.rows(fix)] == [(2, "EUR", before.ref)]
    done = importer.finish(fix)
    assert done.counts == {RowState.CREATED: 1}
    parts = [one["currency"] for one in practice_blnk.balances() if one["meta_data"]["customer"] == "parts"]
    assert sorted(parts) == ["EUR", "GBP", "USD"]


def test_a_row_that_becomes_equal_to_others_of_its_file_is_one_more_balance(
    importer: Importer, practice_blnk: PracticeBlnk
) -> None:
    same = "Customer wallets,USD,,same,"
    source = importer.finish(importer.upload("\n".join([HEADER, same, same, "Custmer wallets,USD,,same,"])))
    fix = open_fix(importer, source)
    fix = edit(importer, fix, [Edit(4, 0, "Customer wallets")])
    importer.finish(fix)
    assert customers(practice_blnk) == ["same"] * 3
    assert len(set(practice_blnk.refs())) == 3


def test_a_key_of_another_row_of_the_file_is_not_taken(importer: Importer) -> None:
    lines = ["Customer wallets,USD,A-1", "Custmer wallets,USD,A-2"]
    source = importer.finish(importer.upload("\n".join(["ledger,currency,reference", *lines])))
    fix = open_fix(importer, source)
    fix = edit(importer, fix, [Edit(3, 0, "Savings"), Edit(3, 2, "A-1")])
    [row] = importer.rows(fix)
    assert row.state is RowState.INVALID
    assert "“A-1” is also in row 2" in (row.message or "")


def test_rows_that_only_the_file_can_fix_stay_where_they_are(importer: Importer) -> None:
    source = importer.finish(
        importer.upload("\n".join([HEADER, GOOD[0], 'Customer wallets,USD,,"open,', "", GOOD[1]]))
    )
    invalid = [row for row in importer.rows(source) if row.state is RowState.INVALID]
    assert invalid
    with importer.store.read() as tx:
        assert draft_of_fixes.fixable(tx, source) == []


def test_a_row_whose_balance_appears_before_its_fix_is_sent_is_not_sent(
    importer: Importer, practice_blnk: PracticeBlnk
) -> None:
    draft = importer.upload("\n".join([HEADER, *GOOD[:3]]))
    reject(importer, draft, 3)
    source = importer.finish(draft)
    fix = open_fix(importer, source)
    fix = edit(importer, fix, [Edit(3, 3, "changed")])
    assert fix.counts == {RowState.READY: 1}
    before = by_number(importer, source)["3"]
    late = practice_blnk.create_balance(
        ledger_id=LEDGER,
        currency="USD",
        meta_data={"customer": "good-1", "import_ref": before.ref, "import_id": source.id},
    )["balance_id"]
    done = importer.finish(fix)
    [row] = importer.rows(done)
    assert (row.state, row.balance_id) == (RowState.EXISTS, late)
    assert "before it was fixed" in (row.message or "")
    now = by_number(importer, source)["3"]
    assert (now.state, now.balance_id) == (RowState.CREATED, late)
    assert customers(practice_blnk) == ["good-0", "good-1", "good-2"]


def test_a_balance_that_appears_after_its_fix_was_sent_is_named_in_both_imports(
    importer: Importer, practice_blnk: PracticeBlnk
) -> None:
    draft = importer.upload("\n".join([HEADER, *GOOD[:3]]))
    reject(importer, draft, 3)
    source = importer.finish(draft)
    fix = edit(importer, open_fix(importer, source), [Edit(3, 3, "changed")])
    done = importer.finish(fix)
    [row] = importer.rows(done)
    before = by_number(importer, source)["3"]
    late = practice_blnk.create_balance(
        ledger_id=LEDGER,
        currency="USD",
        meta_data={"customer": "good-1", "import_ref": before.ref, "import_id": source.id},
    )["balance_id"]
    importer.later_seconds = 90_000

    def named() -> bool:
        found = [importer.find(one.id).findings for one in (source, done)]
        ids = [{id for twin in one.twins for id in twin.ids} for one in found if one is not None]
        return all(one == {late, row.balance_id} for one in ids)

    wait_until(named, lambda: "a second balance of one row is not named")


def test_a_fix_can_be_fixed_again(importer: Importer, practice_blnk: PracticeBlnk) -> None:
    source = importer.finish(importer.upload("\n".join([HEADER, *GOOD[:2], *list(PROBLEMS)[:3]])))
    first = edit(importer, open_fix(importer, source), [Edit(4, 0, "Customer wallets")])
    done = importer.finish(first)
    assert done.counts == {RowState.CREATED: 1, RowState.INVALID: 2}
    second = open_fix(importer, done)
    assert [row.number for row in importer.rows(second)] == [5, 6]
    second = edit(importer, second, [Edit(5, 0, "Customer wallets"), Edit(6, 1, "NGN")])
    importer.finish(second)
    assert customers(practice_blnk) == ["currency", "good-0", "good-1", "ledger", "no-ledger"]


def test_the_same_file_again_skips_rows_that_are_fixed_elsewhere(
    importer: Importer, practice_blnk: PracticeBlnk
) -> None:
    text = "\n".join([HEADER, *GOOD[:3]])
    draft = importer.upload(text)
    reject(importer, draft, 3)
    source = importer.finish(draft)
    importer.finish(edit(importer, open_fix(importer, source), [Edit(3, 3, "changed")]))
    again = importer.upload(text)
    assert again.counts == {RowState.EXISTS: 2, RowState.LEFT_OUT: 1}
    assert "fixed in another import" in (by_number(importer, again)["3"].message or "")


def test_the_same_file_again_applies_its_fixes_and_creates_only_the_rest(
    importer: Importer, practice_blnk: PracticeBlnk
) -> None:
    text = "\n".join([HEADER, *GOOD[:2], "Custmer wallets,USD,,fixed,", "Custmer wallets,USD,,rest,"])
    source = importer.upload(text)
    editing.edit(importer.store, source.id, [Edit(4, 0, "Customer wallets")], who=actor())
    source = importer.finish(importer.wait_until_checked(source))
    assert source.counts == {RowState.CREATED: 3, RowState.INVALID: 1}
    again = importer.upload(text)
    with importer.store.read() as tx:
        before = repeat_fixes.earlier(tx, again)
    assert before is not None
    assert before.id == source.id
    assert repeat_fixes.take_over(importer.store, again.id, who=actor("Grace")) == 1
    again = importer.wait_until_checked(again)
    assert again.counts == {RowState.EXISTS: 3, RowState.INVALID: 1}
    editing.edit(importer.store, again.id, [Edit(5, 0, "Customer wallets")], who=actor("Grace"))
    importer.finish(importer.wait_until_checked(again))
    assert customers(practice_blnk) == ["fixed", "good-0", "good-1", "rest"]


def test_a_download_from_before_the_fix_comes_back_and_creates_nothing_twice(
    importer: Importer, practice_blnk: PracticeBlnk
) -> None:
    draft = importer.upload("\n".join([HEADER, *GOOD[:2], "Custmer wallets,USD,,fixed,"]))
    reject(importer, draft, 3)
    source = importer.finish(draft)
    pieces = results.stream(importer.store, source, Variant.NOT_CREATED)
    before = b"".join(pieces).decode("utf-8-sig")
    fix = edit(importer, open_fix(importer, source), [Edit(3, 3, "changed"), Edit(4, 0, "Customer wallets")])
    importer.finish(fix)
    again = importer.upload(before.replace("Custmer", "Customer"))
    assert again.counts == {RowState.LEFT_OUT: 1, RowState.EXISTS: 1}
    [skipped] = [row for row in importer.rows(again) if row.state is RowState.LEFT_OUT]
    assert "row 3 of an earlier import. That row was fixed in another import" in (skipped.message or "")
    assert customers(practice_blnk) == ["changed", "fixed", "good-0"]


def test_results_that_name_a_superseded_row_do_not_send_it(importer: Importer) -> None:
    source = importer.finish(importer.upload("\n".join([HEADER, GOOD[0], "Custmer wallets,USD,,fixed,"])))
    open_fix(importer, source)
    told = b"".join(results.stream(importer.store, importer.find(source.id), Variant.ALL)).decode("utf-8-sig")
    assert "It is fixed in import imp_" in told
    again = importer.upload(told.replace("Custmer", "Customer"))
    assert again.counts == {RowState.EXISTS: 1, RowState.INVALID: 1}
