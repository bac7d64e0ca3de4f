"""Rows that change one that was imported before are found whatever their number, and a person decides."""

import pytest

from blnk_api.drafts.lookalikes import balances_to_compare
from blnk_api.store.states import RowState
from tests.support.drafts import table, totals
from tests.support.importer import BOTH_DATABASES, LEDGER, Importer
from tests.support.practice import PracticeBlnk

ADA = "idt_aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
COLUMNS = ["ledger_id", "currency", "customer", "branch", "Kundennummer ß"]


def many(n: int, *, branch: str = "Lagos") -> list[list[str]]:
    return [[LEDGER, "NGN", f"c-{at}", branch, f"k {at}"] for at in range(n)]


def test_more_than_five_thousand_corrected_rows_are_all_recognized(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    importer.import_file(table(many(5_200), COLUMNS))
    assert len(practice_blnk.refs()) == 5_200
    added = [[LEDGER, "NGN", f"n-{at}", "Lagos", f"new {at}"] for at in range(4)]
    mixed = importer.upload(table([*many(5_100, branch="Abuja"), *many(5_200)[5_100:], *added], COLUMNS))
    assert totals(mixed) == (4, 100, 5_100)
    told = {row.message for row in importer.rows(mixed)[:3]}
    assert all("branch: “Abuja” here, “Lagos” there" in (one or "") for one in told)


def corrected(
    importer: Importer, before: list[list[str]], after: list[list[str]], columns: list[str]
) -> tuple[int, int, int]:
    importer.import_file(table(before, columns))
    return totals(importer.upload(table(after, columns)))


@pytest.mark.parametrize("importer", BOTH_DATABASES, indirect=True)
def test_the_only_column_that_tells_rows_apart_may_be_the_corrected_one(importer: Importer) -> None:
    """Each row's other columns together are unlike any other row's."""
    columns = ["ledger_id", "currency", "customer", "branch", "opened"]
    before = [
        [LEDGER, "NGN", f"c-{at}", f"b{at % 7}", f"2024-{at % 11 + 1:02}-{at // 11 + 1:02}"]
        for at in range(300)
    ]
    after = [[*row[:2], f"customer {row[2]}", *row[3:]] for row in before]
    assert corrected(importer, before, after, columns) == (0, 0, 300)


def test_customers_that_share_all_but_their_number_stay_new(importer: Importer) -> None:
    before = [[LEDGER, "NGN", f"c-{at}", "Lagos"] for at in range(400)]
    after = [[LEDGER, "NGN", f"d-{at}", "Lagos"] for at in range(400)]
    assert corrected(importer, before, after, COLUMNS[:4]) == (400, 0, 0)


def test_names_that_blnk_cannot_search_for_are_compared_by_a_walk(importer: Importer) -> None:
    columns = ["ledger_id", "currency", "顧客", "branch"]
    before = [[LEDGER, "NGN", f"c-{at}", "Lagos"] for at in range(40)]
    after = [[LEDGER, "NGN", f"c-{at}", "Abuja"] for at in range(40)]
    assert corrected(importer, before, after, columns) == (0, 0, 40)


def test_a_walk_and_lists_give_the_same_result(
    importer: Importer, practice_blnk: PracticeBlnk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever Blnk answers faster: the rows that look like a balance, and those whose customer has one."""
    columns = ["ledger_id", "currency", "identity_id", "customer", "branch"]
    importer.import_file(table([[LEDGER, "NGN", ADA, f"c-{at}", "Lagos"] for at in range(60)], columns))
    practice_blnk.create_balance(ledger_id=LEDGER, currency="USD", identity_id=ADA)
    after = [
        *([LEDGER, "NGN", ADA, f"c-{at}", "Abuja"] for at in range(60)),
        *([LEDGER, "USD", ADA, f"u-{at}", "Abuja"] for at in range(3)),
        [LEDGER, "EUR", ADA, "e-1", "Abuja"],
    ]
    came_to = []
    for plan in (
        balances_to_compare._Plan(fields=True, customers=True, walk=""),
        balances_to_compare._Plan(fields=False, customers=True, walk="ours"),
        balances_to_compare._Plan(fields=False, customers=False, walk="all"),
    ):

        async def planned(
            self: object, ours: int | None, plan: balances_to_compare._Plan = plan
        ) -> balances_to_compare._Plan:
            return plan

        monkeypatch.setattr(balances_to_compare.Questions, "_plan", planned)
        draft = importer.upload(table(after, columns))
        came_to.append(
            (totals(draft), draft.totals.has_balance, [row.message for row in importer.rows(draft)])
        )
    assert came_to[0][:2] == ((4, 0, 60), 3)
    assert came_to[1] == came_to[0]
    assert came_to[2] == came_to[0]


def test_a_customer_with_any_number_of_balances_is_reported(
    importer: Importer, practice_blnk: PracticeBlnk
) -> None:
    """The one that counts is older than the newest thousand."""
    practice_blnk.create_balance(ledger_id=LEDGER, currency="EUR", identity_id=ADA)
    for _ in range(1_100):
        practice_blnk.create_balance(ledger_id=LEDGER, currency="USD", identity_id=ADA)
    draft = importer.upload(table([[LEDGER, "EUR", ADA]], ["ledger_id", "currency", "identity_id"]))
    assert draft.totals.has_balance == 1
    assert draft.counts == {RowState.READY: 1}
