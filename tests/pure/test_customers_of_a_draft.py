"""Of all balances that a row's customer has, its note names the oldest one that is not the row itself."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from blnk_api.drafts.lookalikes.candidates import CandidateIndex
from blnk_api.drafts.lookalikes.near_duplicates import sameness
from blnk_api.lookup import refs
from blnk_api.models import IMPORT_REF, Balance
from blnk_api.store.sending.ready_rows import Ready

CUSTOMERS = ("idt_ada", "idt_bola")


def fields(customer: str, at: int) -> dict[str, object]:
    return {
        **{"ledger_id": "ldg_1", "currency": "NGN", "identity_id": customer},
        "meta_data": {"customer": f"c-{at}"},
    }


def ref(customer: str, at: int) -> str:
    return refs.make_ref(refs.content_hash(fields(customer, at)), 0)


def balance(customer: str, at: int, *, second: int, by_us: bool = True) -> Balance:
    meta_data = {"customer": f"c-{at}", **({IMPORT_REF: ref(customer, at)} if by_us else {})}
    return Balance.model_validate(
        {
            **fields(customer, at),
            "balance_id": f"bln_{customer}_{at}_{second}",
            "created_at": f"2026-11-30T00:{second // 60:02}:{second % 60:02}.000000Z",
            "meta_data": meta_data,
        }
    )


@pytest.fixture
def found(tmp_path: Path) -> Callable[[list[Ready], list[Balance]], dict[int, str]]:
    def run(rows: list[Ready], balances: list[Balance]) -> dict[int, str]:
        sample = [orjson.loads(row.body) for row in rows]
        with closing(CandidateIndex(tmp_path, sameness(sample))) as index:
            index.add(rows)
            index.filled()
            for start in range(0, len(balances), 7):
                index.meet(balances[start : start + 7])
            pages = list(index.already(3))
            return {row: one.balance_id for page in pages for row, one in page.items()}

    return run


def row(customer: str, at: int) -> Ready:
    return Ready(at + 1, ref(customer, at), orjson.dumps(fields(customer, at)), 0)


def rows(n: int) -> list[Ready]:
    return [row(CUSTOMERS[at % 2], at) for at in range(n)]


Found = Callable[[list[Ready], list[Balance]], dict[int, str]]


def test_the_oldest_balance_is_named_whoever_created_it(found: Found) -> None:
    made = [balance(CUSTOMERS[at % 2], at, second=100 - at) for at in range(20, 60)]
    others = [balance("idt_ada", at, second=30 - at, by_us=False) for at in range(10)]
    named = found(rows(8), [*made, *others])
    assert named == {at + 1: ("bln_idt_ada_9_21" if at % 2 == 0 else "bln_idt_bola_59_41") for at in range(8)}


def test_a_row_that_was_created_itself_is_told_of_the_next_oldest(found: Found) -> None:
    made = [balance("idt_ada", at, second=at) for at in (0, 2, 4)]
    assert found(rows(6), made) == {1: "bln_idt_ada_2_2", 3: "bln_idt_ada_0_0", 5: "bln_idt_ada_0_0"}


def test_a_customer_whose_only_balance_is_the_row_itself_has_none_before(found: Found) -> None:
    assert found(rows(2), [balance("idt_ada", 0, second=1), balance("idt_ada", 0, second=2)]) == {}


def test_what_a_row_costs_does_not_grow_with_the_balances_of_its_customer(tmp_path: Path) -> None:
    def steps(n: int) -> int:
        """Hundreds of steps of SQLite, which are the same on any machine."""
        with closing(CandidateIndex(tmp_path, sameness([]))) as index:
            index.add([row("idt_ada", at) for at in range(n)])
            index.filled()
            index.meet([balance("idt_ada", n + at, second=at) for at in range(n)])
            counted = 0

            def count() -> None:
                nonlocal counted
                counted += 1

            db: sqlite3.Connection = index._db
            db.set_progress_handler(count, 100)
            assert sum(map(len, index.already(50))) == n
            return counted

    assert steps(800) < 6 * steps(200)  # it would be sixteen times if each row met each balance
