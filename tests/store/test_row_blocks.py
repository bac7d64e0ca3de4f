"""A row is found by its ref wherever in a long file it is, and by an index."""

from collections.abc import Callable, Sequence

import pytest
from sqlalchemy import Connection, event, update

from blnk_api.drafts.rechecking import affected_records
from blnk_api.lookup.refs import parse_ref
from blnk_api.models import IMPORT_ID, IMPORT_REF, Balance
from blnk_api.store import Store, tables
from blnk_api.store.imports import Import
from blnk_api.store.search import balance_origins
from blnk_api.store.sending import fix_families, foreign_balances, ready_rows
from blnk_api.store.states import RowState
from tests.support.importer import LEDGER
from tests.support.store import draft, rows_of

NUMBERS = [2, 99_999, 100_000, 200_001, 1_200_000]


def long_file(store: Store, state: RowState) -> Import:
    """An import whose rows are far from one another in its file."""
    made = draft(store, len(NUMBERS))
    with store.write() as tx:
        for row, number in zip(rows_of(store, made), NUMBERS, strict=True):
            columns = {"number": number, "state": state, "balance_id": f"bln_ours_{number}"}
            tx.execute(update(tables.rows).where(tables.rows.c.id == row.id).values(**columns))
    return made


def of_another_desk(refs: Sequence[str]) -> list[Balance]:
    stamps = [{IMPORT_REF: ref, IMPORT_ID: "imp_of_another_desk"} for ref in refs]
    return [
        Balance(balance_id=f"bln_{at}", ledger_id=LEDGER, currency="NGN", meta_data=one)
        for at, one in enumerate(stamps)
    ]


def ready(tx: Connection, made: Import, refs: list[str]) -> int:
    return len({one.ref for one in ready_rows.ready_with_refs(tx, made.number, refs)})


def strangers(tx: Connection, made: Import, refs: list[str]) -> int:
    return len(foreign_balances.strangers(tx, made.number, made.id, of_another_desk(refs)))


def second_balances(tx: Connection, made: Import, refs: list[str]) -> int:
    found = {ref: [one] for ref, one in zip(refs, of_another_desk(refs), strict=True)}
    return len(foreign_balances.name_twins(tx, made.number, found))


def in_family(tx: Connection, made: Import, refs: list[str]) -> int:
    return len(fix_families.refs_of(tx, fix_families.family(tx, made.number), refs))


def where_they_come_from(tx: Connection, made: Import, refs: list[str]) -> int:
    return len([ref for ref in refs if balance_origins.row_of_ref(tx, made, ref) is not None])


def files_of_results(tx: Connection, made: Import, refs: list[str]) -> int:
    found = [balance_origins.with_refs(tx, made.instance_number, [ref]) for ref in refs]
    return len([one for one in found if one is not None and one.number == made.number])


def same_content(tx: Connection, made: Import, refs: list[str]) -> int:
    hashes = {one.hash for ref in refs if (one := parse_ref(ref)) is not None}
    return len(affected_records.with_content(tx, made.number, hashes, most=100))


QUERIES: list[tuple[Callable[[Connection, Import, list[str]], int], RowState]] = [
    (ready, RowState.READY),
    (strangers, RowState.READY),
    (second_balances, RowState.CREATED),
    (in_family, RowState.READY),
    (where_they_come_from, RowState.CREATED),
    (files_of_results, RowState.CREATED),
    (same_content, RowState.READY),
]


@pytest.mark.parametrize(("ask", "state"), QUERIES, ids=lambda one: getattr(one, "__name__", str(one)))
def test_a_row_is_found_by_its_ref_wherever_it_is_in_a_long_file(
    store: Store, ask: Callable[[Connection, Import, list[str]], int], state: RowState
) -> None:
    draft(store, 2)
    made = long_file(store, state)
    refs = [row.ref or "" for row in rows_of(store, made)]
    asked: list[tuple[str, Sequence[object]]] = []
    with store.write() as tx:
        event.listen(store.engine, "before_cursor_execute", lambda *args: asked.append((args[2], args[3])))
        assert ask(tx, made, refs) == len(NUMBERS)
        if not store.is_sqlite:
            return
        by_ref = [one for one in asked if "rows.ref IN" in one[0] or "rows.ref =" in one[0]]
        assert by_ref
        for statement, values in by_ref:
            lines = tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
            plan = "\n".join(line[-1] for line in lines)
            assert "rows_by_block_and_ref (import=? AND <expr>=? AND ref=?)" in plan
