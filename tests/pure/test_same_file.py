"""What the earlier import of a file says of its rows, when they are read differently today."""

import orjson

from blnk_api.drafts.lookalikes.imported_before import Row, SameFileImport, Verdict, judge
from blnk_api.store.states import RowState

LEDGER = "ldg_11111111-1111-4111-8111-111111111111"

ALIGNED = SameFileImport(number=1, day="2026-11-03", is_aligned=True, is_alike=False)
SHIFTED = SameFileImport(number=1, day="2026-11-03", is_aligned=False, is_alike=False)


def row(
    name: str | None = "Müller",
    *,
    state: RowState = RowState.READY,
    import_: int = 2,
    currency: str = "NGN",
    ref: str = "new",
    cells: str = "[]",
) -> Row:
    body = None if name is None else orjson.dumps({"meta_data": {"customer": name, "branch": "Lagos"}})
    balance_id = "bln_1" if state in (RowState.CREATED, RowState.EXISTS) else None
    return Row(import_ * 10, import_, 3, state, LEDGER, currency, ref, balance_id, body, cells)


def before(name: str | None, state: RowState = RowState.CREATED, currency: str = "NGN") -> Row:
    return row(name, state=state, import_=1, currency=currency, ref="old", cells='["old"]')


def verdict(
    new: Row, *old: Row, earlier: SameFileImport = ALIGNED, for_all: tuple[str, ...] = ()
) -> Verdict | None:
    return judge(new, old, {1: earlier}, for_all)


def test_a_row_that_is_only_read_differently_exists_and_says_how() -> None:
    found = verdict(row(), before("MÃ¼ller"))
    assert found is not None
    assert (found.to, found.balance_id) == (RowState.EXISTS, "bln_1")
    assert "customer: “Müller” here, “MÃ¼ller” there" in found.message


def test_a_row_that_really_differs_is_skipped() -> None:
    found = verdict(row(), before("Okafor"))
    assert found is not None
    assert (found.to, found.balance_id) == (RowState.LEFT_OUT, None)


def test_the_same_columns_of_the_same_bytes_are_the_same_row() -> None:
    alike = SameFileImport(number=1, day="2026-11-03", is_aligned=True, is_alike=True)
    found = verdict(row(), before("»³ÅÄ and more"), earlier=alike)
    assert found is not None
    assert found.to is RowState.EXISTS


def test_a_row_whose_currency_was_read_differently_is_skipped_with_its_balance() -> None:
    found = verdict(row(), before("Müller", currency="EUR"))
    assert found is not None
    assert found.to is RowState.LEFT_OUT
    assert "bln_1, a EUR balance" in found.message


def test_a_currency_that_a_person_chose_for_all_rows_creates_other_balances() -> None:
    assert verdict(row(), before("Müller", currency="EUR"), for_all=("currency",)) is None


def test_a_row_that_was_not_created_then_may_be_created_now() -> None:
    for state in (RowState.INVALID, RowState.REFUSED, RowState.READY, RowState.LEFT_OUT):
        assert verdict(row(), before("Müller", state)) is None


def test_a_row_whose_balance_is_in_doubt_is_skipped() -> None:
    for state in (RowState.UNKNOWN, RowState.SENDING):
        found = verdict(row(), before("MÃ¼ller", state))
        assert found is not None
        assert found.to is RowState.LEFT_OUT


def test_a_row_that_was_not_in_the_file_as_it_was_read_then_is_skipped() -> None:
    for old in ([], [before("Other", RowState.INVALID)]):
        found = verdict(row(), *old, earlier=SHIFTED)
        assert found is not None
        assert found.to is RowState.LEFT_OUT
        assert "was not in it" in found.message
    same_cells = before("Müller", RowState.REFUSED)._replace(cells="[]")
    assert verdict(row(), same_cells, earlier=SHIFTED) is None


def test_a_row_whose_contents_were_deleted_is_skipped_with_its_balance() -> None:
    found = verdict(row(), before(None))
    assert found is not None
    assert found.to is RowState.LEFT_OUT
    assert "bln_1" in found.message


def test_a_row_with_the_same_content_is_decided_by_the_look_up_in_blnk() -> None:
    assert verdict(row(ref="old"), before("Müller")) is None
