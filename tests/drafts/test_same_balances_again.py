"""What exists is never made twice: the same file again, changed, alone, or with an empty journal."""

import pytest

from blnk_api.drafts import confirmed_totals
from blnk_api.reports import results
from blnk_api.store.states import ImportState, RowState
from tests.support.actors import actor
from tests.support.drafts import customers, table, totals
from tests.support.importer import LEDGER, Importer
from tests.support.practice import PracticeBlnk


def test_the_same_file_again_creates_nothing_and_says_so_before(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    importer.import_file(table(customers(120)))
    before = practice_blnk.refs()
    draft = importer.upload(table(customers(120)))
    assert totals(draft) == (0, 120, 0)
    assert set(importer.states(draft)) == {RowState.EXISTS}
    assert practice_blnk.refs() == before


def test_rows_added_and_reordered_create_only_what_is_new(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    importer.import_file(table(customers(60)))
    draft = importer.upload(table([*reversed(customers(60)), *customers(5, first=60)]))
    assert totals(draft) == (5, 60, 0)
    importer.finish(draft)
    assert len(practice_blnk.refs()) == len(set(practice_blnk.refs())) == 65


def test_a_tidied_file_means_the_same_balances(practice_blnk: PracticeBlnk, importer: Importer) -> None:
    importer.import_file(table(customers(20)))
    tidied = table(
        [["Lagos", f"c-{at}", " ngn ", LEDGER] for at in range(20)],
        ["branch", "customer", "Currency", "Ledger ID"],
    )
    draft = importer.upload(tidied.replace("\n", "\n\n"))
    assert totals(draft) == (0, 20, 0)
    assert len(practice_blnk.refs()) == 20


def test_the_same_file_with_a_lost_store_creates_nothing(
    practice_blnk: PracticeBlnk, importer: Importer, tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    importer.import_file(table(customers(30)))
    importer.stop()
    with Importer(practice_blnk, tmp_path_factory.mktemp("other"), monkeypatch) as other:
        draft = other.upload(table(customers(31)))
        assert totals(draft) == (1, 30, 0)
        other.finish(draft)
    assert len(practice_blnk.refs()) == len(set(practice_blnk.refs())) == 31


def test_corrected_cells_are_a_group_that_is_skipped(practice_blnk: PracticeBlnk, importer: Importer) -> None:
    importer.import_file(table(customers(30)))
    corrected = customers(30)
    for row in corrected[3:6]:
        row[3] = "Abuja"
    draft = importer.upload(table(corrected))
    assert totals(draft) == (0, 27, 3)
    (told,) = {row.message for row in importer.rows(draft) if row.number == 5}
    assert told is not None
    assert "branch: “Abuja” here, “Lagos” there" in told
    assert len(practice_blnk.refs()) == 30


def test_corrected_cells_become_balances_of_their_own_when_a_person_says_so(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    importer.import_file(table(customers(30)))
    corrected = customers(30)
    corrected[3][3] = "Abuja"
    draft = importer.upload(table(corrected))
    with importer.store.write() as tx:
        assert confirmed_totals.create_resembling_too(tx, draft, who=actor()) == 1
    accepted = importer.find(draft.id)
    assert accepted.version > draft.version
    assert totals(accepted) == (1, 29, 0)
    importer.finish(accepted)
    assert len(practice_blnk.refs()) == 31


def test_two_equal_rows_are_two_balances_and_stay_two(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    twins = [*customers(2), *customers(1)]
    importer.import_file(table(twins))
    assert len(practice_blnk.refs()) == 3
    assert totals(importer.upload(table(twins))) == (0, 3, 0)
    assert totals(importer.upload(table([*twins, *customers(1)]))) == (1, 3, 0)


def test_the_download_of_rows_not_created_creates_just_those(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    twins = [*customers(6), *customers(6)]
    draft = importer.upload(table(twins))
    importer.spoil(draft, number=9)
    done = importer.finish(draft)
    assert importer.states(done).count(RowState.REFUSED) == 1
    rest = b"".join(results.stream(importer.store, done, results.Variant.NOT_CREATED))
    draft = importer.upload(rest.decode("utf-8"))
    assert totals(draft)[0] == 1
    importer.finish(draft)
    assert len(practice_blnk.refs()) == len(set(practice_blnk.refs())) == 12


def test_two_imports_of_the_same_rows_at_the_same_moment_create_one_set_of_balances(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    first, second = importer.upload(table(customers(150))), importer.upload(table(customers(150)))
    importer.confirm(first)
    importer.confirm(second)
    for one in (first, second):
        importer.wait_for(one, ImportState.DONE)
    assert len(practice_blnk.refs()) == len(set(practice_blnk.refs())) == 150
    states = [*importer.states(first), *importer.states(second)]
    assert states.count(RowState.CREATED) == 150
    assert states.count(RowState.EXISTS) == 150


def test_a_balance_that_differs_is_never_taken_for_the_row(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    draft = importer.upload(table(customers(3)))
    row = importer.rows(draft)[1]
    practice_blnk.create_balance(
        ledger_id=LEDGER,
        currency="NGN",
        meta_data={"import_ref": row.ref, "customer": "c-1", "branch": "Kano"},
    )
    importer.finish(draft)
    states = importer.states(draft)
    assert states == [RowState.CREATED, RowState.INVALID, RowState.CREATED]
    assert "branch is “Kano” in Blnk" in (importer.rows(draft)[1].message or "")


def test_a_check_that_blnk_does_not_answer_says_so_and_continues_automatically(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    practice_blnk.order_fault("status_before_commit", status=503, on="read")
    draft = importer.upload(table(customers(3)), until=lambda one: one.problem is not None)
    assert "Blnk did not answer the check" in (draft.problem or "")
    practice_blnk.clear_faults()
    checked = importer.wait_until_checked(draft)
    assert checked.problem is None
    assert totals(checked) == (3, 0, 0)


def test_a_large_file_is_looked_up_by_one_walk_and_nothing_is_created_twice(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    importer.import_file(table(customers(1300)))
    importer.stop()  # what it still asks about the first import is not counted
    practice_blnk.forget_requests()
    draft = importer.upload(table(customers(1310)))
    assert totals(draft) == (10, 1300, 0)
    looks = [one for one in practice_blnk.requests()["recent"] if one["path"].endswith("/balances/filter")]
    # How many there are, the pages of the walk with one more for each of its parts, what looks like the new.
    assert len(looks) <= 2 + 15 + 7 + 1
    importer.finish(draft)
    assert len(practice_blnk.refs()) == len(set(practice_blnk.refs())) == 1310


def test_an_incomplete_walk_proves_nothing(practice_blnk: PracticeBlnk, importer: Importer) -> None:
    """Neither in the check nor when it is sent: what the walk did not meet is asked for by name."""
    importer.import_file(table(customers(1300)))
    how_many_there_are, pages = 2, 14
    practice_blnk.order_fault("short_filter", skip=how_many_there_are, times=pages)
    draft = importer.upload(table(customers(1310)))
    assert totals(draft) == (10, 1300, 0)
    assert practice_blnk.faults()[0]["fired"] == pages
    importer.finish(draft)
    assert len(practice_blnk.refs()) == len(set(practice_blnk.refs())) == 1310
