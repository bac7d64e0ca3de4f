"""A store without a sender: imports in it, and the writes of a sender made by hand, one at a time."""

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, update

from blnk_api.settings import Instance
from blnk_api.store import Store, events, import_acts, rows, tables, transitions
from blnk_api.store.imports import Import
from blnk_api.store.rows import StoredRow
from blnk_api.store.sending import attempts, claims, recovery, rows_in_doubt
from blnk_api.store.sending.attempts import Result
from blnk_api.store.sending.claims import Claimed
from blnk_api.store.states import ImportState, Outcome, RowState
from tests.support.actors import actor
from tests.support.importer import make_draft, requests_for
from tests.support.json_object import JsonObject

INSTANCE = Instance("https://blnk.example", "ins_1", "sandbox")
ELSEWHERE = Instance("https://blnk.example", "ins_2", "sandbox")


def draft(store: Store, n: int, *, instance: Instance = INSTANCE) -> Import:
    """A checked draft of n balances. Two drafts of the same n are of the same balances."""
    return make_draft(store, instance, requests_for(n))


def running(store: Store, n: int, *, instance: Instance = INSTANCE) -> Import:
    made = draft(store, n, instance=instance)
    with store.write() as tx:
        assert import_acts.confirm(tx, made, who=actor(), version=made.version)
        assert transitions.move_import(tx, made.number, from_=[ImportState.QUEUED], to=ImportState.RUNNING)
    return made


def set_columns(tx: Connection, import_: Import, **columns: object) -> None:
    """Of an import, as another version might have written them."""
    tx.execute(update(tables.imports).where(tables.imports.c.number == import_.number).values(**columns))


def rows_of(store: Store, import_: Import) -> list[StoredRow]:
    with store.read() as tx:
        return rows.page(tx, import_.number, limit=10_000)


def states_of(store: Store, import_: Import) -> list[RowState]:
    return [row.state for row in rows_of(store, import_)]


def ids_of(store: Store, import_: Import) -> list[int]:
    return [row.id for row in rows_of(store, import_)]


def tries_of(store: Store, import_: Import, row_ids: Sequence[int] | None = None) -> dict[int, int]:
    """How often each of these rows was sent, or each of the import."""
    return {row.id: row.tries for row in rows_of(store, import_) if row_ids is None or row.id in row_ids}


def claim(store: Store, import_: Import, row_ids: Sequence[int] | None = None) -> Claimed:
    tries = tries_of(store, import_, row_ids)
    with store.write() as tx:
        return claims.claim(tx, import_.number, tries)


def record(store: Store, import_: Import, *results: Result) -> None:
    with store.write() as tx:
        attempts.record(tx, import_.number, results)


def result(claimed: Claimed, row: int, to: RowState, **facts: Any) -> Result:
    outcome = {
        RowState.CREATED: Outcome.CREATED,
        RowState.REFUSED: Outcome.REFUSED,
        RowState.READY: Outcome.NOT_APPLIED,
    }.get(to, Outcome.UNKNOWN)
    return Result(row, claimed.tries[row], claimed.token, to, outcome)._replace(**facts)


def created(claimed: Claimed, row: int, balance_id: str) -> Result:
    return result(claimed, row, RowState.CREATED, balance_id=balance_id, status=201)


def found_absent(store: Store, import_: Import) -> RowState | None:
    """The moment to which look-ups that proved its first unknown row absent move it."""
    with store.write() as tx:
        row, *_ = rows_in_doubt.unknown_rows(tx, [import_.number])
        return rows_in_doubt.was_absent(tx, row, same_server_errors=3)


def given_up(store: Store) -> tuple[Import, Claimed, int]:
    """A row whose sender was declared dead while its answer was still on the way."""
    made = running(store, 1)
    claimed = claim(store, made)
    (row,) = claimed.tries
    with store.write() as tx:
        assert recovery.recover(tx) == 1
    return made, claimed, row


def holder(store: Store, state: RowState) -> Import:
    """An import whose only row holds its ref in this state."""
    made = running(store, 1)
    claimed = claim(store, made)
    (row,) = claimed.tries
    if state is RowState.UNKNOWN:
        record(store, made, result(claimed, row, RowState.UNKNOWN))
    if state is RowState.CREATED:
        record(store, made, created(claimed, row, "bln_1"))
    assert states_of(store, made) == [state]
    return made


def events_of(store: Store, import_: Import) -> list[tuple[str, JsonObject]]:
    """The events with their details, oldest first."""
    with store.read() as tx:
        return [
            (one.what, orjson.loads(one.kept))
            for one in reversed(events.of_import(tx, import_.number, limit=100))
        ]
