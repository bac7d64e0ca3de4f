"""The sender's three writes: claim rows before their POSTs leave, record what came of them, recover a crash.

SENDING is committed before the POST leaves. A claim is a token that only its maker knows; an outcome moves
its row only from where that claim put it, and an attempt's outcome is recorded whatever became of the row.
"""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    Text,
    bindparam,
    case,
    func,
    insert,
    literal,
    select,
    update,
)

from blnk_api.imports.journal.bulk import run_many
from blnk_api.imports.journal.moves import IDS_PER_STATEMENT, count, move, note, require_move
from blnk_api.imports.journal.schema import attempts, counts, imports, is_one_of, rows
from blnk_api.imports.journal.states import HELD, Outcome, RowState

WHO = "the sender"


@dataclass(frozen=True, slots=True)
class Ready:
    """A row that may be claimed, with all that sending it needs."""

    id: int
    ref: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Claimed:
    """Rows that are SENDING under one token; `tries` numbers the attempt of each."""

    token: str
    tries: dict[int, int]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one attempt, and where its row goes."""

    row: int
    n: int
    claim: str
    to: RowState
    outcome: Outcome
    status: int | None = None
    message: str | None = None
    balance_id: str | None = None
    server_error: int | None = None
    waits_for_person: bool = False


def ready_rows(tx: Connection, import_: int, *, after: int, limit: int) -> list[Ready]:
    """READY rows in file order, by keyset."""
    found = tx.execute(
        select(rows.c.id, rows.c.ref, rows.c.body)
        .where(rows.c.import_ == import_, rows.c.state == RowState.READY, rows.c.id > after)
        .order_by(rows.c.id)
        .limit(limit)
    )
    return [Ready(id, ref, body) for id, ref, body in found]


def ready_among(tx: Connection, row_ids: Sequence[int]) -> list[Ready]:
    """Those of these rows that are READY."""
    found: list[Ready] = []
    for start in range(0, len(row_ids), IDS_PER_STATEMENT):
        part = row_ids[start : start + IDS_PER_STATEMENT]
        found += [
            Ready(id, ref, body)
            for id, ref, body in tx.execute(
                select(rows.c.id, rows.c.ref, rows.c.body).where(
                    rows.c.id.in_(part), rows.c.state == RowState.READY
                )
            )
        ]
    return found


def ready_with_refs(tx: Connection, import_: int, refs: Sequence[str]) -> list[Ready]:
    """The READY rows of an import that have one of these refs."""
    # The state is compared here: asked in the query, SQLite would go through all READY rows.
    found = tx.execute(
        select(rows.c.id, rows.c.ref, rows.c.body, rows.c.state).where(
            rows.c.import_ == import_, rows.c.ref.in_(refs)
        )
    )
    return [Ready(id, ref, body) for id, ref, body, state in found if state == RowState.READY]


def _ref_is_held() -> ColumnElement[bool]:
    other = rows.alias("other")
    return (
        select(literal(1))
        .where(
            other.c.instance == rows.c.instance,
            other.c.ref == rows.c.ref,
            is_one_of(other, HELD),
            other.c.id != rows.c.id,
        )
        .correlate(rows)
        .exists()
    )


REF_IS_HELD = _ref_is_held()
"""Whether another row of the same instance, of any import, holds this row's ref."""


def refs_held(tx: Connection, row_ids: Sequence[int]) -> list[int]:
    """Which of these rows have a ref that another row holds."""
    found = tx.execute(select(rows.c.id).where(rows.c.id.in_(row_ids), REF_IS_HELD)) if row_ids else ()
    return [one.id for one in found]


def claim(tx: Connection, import_: int, row_ids: Sequence[int], token: str | None = None) -> Claimed:
    """Moves READY rows to SENDING and writes their attempts. After the commit, and only then, they may leave.
    `token` is known to the caller alone; it is what `take_back` asks for when the commit is in doubt.

    A row whose ref another row of this instance holds is not claimed: it waits for that row. Raises
    IntegrityError when another process took the ref at the same moment; then nothing was claimed.
    """
    token = token or secrets.token_hex(8)
    now = time.time()
    claimed = tx.execute(
        update(rows)
        .where(rows.c.id.in_(row_ids), rows.c.state == RowState.READY, ~REF_IS_HELD)
        .values(state=RowState.SENDING, claim=token, tries=rows.c.tries + 1, changed_at=now)
        .returning(rows.c.id, rows.c.tries)
    ).all()
    if not claimed:
        return Claimed(token, {})
    run_many(
        tx,
        _BEGIN_ATTEMPT,
        [{"at_row": row, "at_n": n, "by": token, "at": now} for row, n in claimed],
    )
    count(tx, import_, {RowState.READY: -len(claimed), RowState.SENDING: len(claimed)})
    tx.execute(
        update(imports)
        .where(imports.c.number == import_, imports.c.has_sent.is_(False))
        .values(has_sent=True)
    )
    return Claimed(token, {row: n for row, n in claimed})


def take_back(tx: Connection, import_: int, row_ids: Sequence[int], token: str) -> None:
    """Rows of a claim whose commit failed, or only seemed to: none of them has left."""
    held = tx.execute(select(rows.c.id, rows.c.tries).where(rows.c.id.in_(row_ids), rows.c.claim == token))
    why = "The journal was not sure of its claim, so it did not leave."
    taken = [Result(id, n, token, RowState.READY, Outcome.NOT_APPLIED, message=why) for id, n in held]
    if taken:
        record(tx, import_, taken)


_BEGIN_ATTEMPT = insert(attempts).values(
    row=bindparam("at_row"), n=bindparam("at_n"), claim=bindparam("by"), started_at=bindparam("at")
)
_END_ATTEMPT = (
    update(attempts)
    .where(attempts.c.row == bindparam("at_row"), attempts.c.n == bindparam("at_n"))
    .values(
        ended_at=bindparam("at"),
        outcome=bindparam("came_to"),
        status=bindparam("got_status", type_=Integer),
        message=bindparam("told", type_=Text),
        balance_id=bindparam("got_balance", type_=Text),
    )
)
_COMPLETE = bindparam("complete", type_=Integer)
_MOVE_ROW = (
    update(rows)
    .where(
        rows.c.id == bindparam("at_row"), rows.c.state == RowState.SENDING, rows.c.claim == bindparam("by")
    )
    .values(
        state=bindparam("to"),
        message=bindparam("told", type_=Text),
        balance_id=bindparam("got_balance", type_=Text),
        waits_for_person=bindparam("waits"),
        server_errors=case(
            (_COMPLETE.is_(None), rows.c.server_errors),
            (rows.c.server_error == _COMPLETE, rows.c.server_errors + 1),
            else_=1,
        ),
        server_error=func.coalesce(_COMPLETE, rows.c.server_error),
        changed_at=bindparam("at"),
    )
)


def record(tx: Connection, import_: int, results: Sequence[Result]) -> None:
    """Writes attempts' outcomes and moves their rows, whatever became of the rows meanwhile.

    An answer that names a balance which another row has is not believed: its row becomes UNKNOWN and is
    looked up. A row that is no longer SENDING under its claim had its attempt declared lost; its late
    answer is kept all the same (`_record_late`).
    """
    now = time.time()
    results = _disbelieve_known_balances(tx, import_, results)
    values = [
        {
            **{"at_row": one.row, "at_n": one.n, "by": one.claim, "at": now, "to": one.to},
            **{"came_to": one.outcome, "got_status": one.status, "told": one.message},
            **{"got_balance": one.balance_id, "complete": one.server_error, "waits": one.waits_for_person},
        }
        for one in results
    ]
    run_many(tx, _END_ATTEMPT, values)
    claims = _claims_held(tx, results)
    ours = [claims.get(one.row) == one.claim for one in results]
    changes: dict[str, int] = {}
    for one, is_ours in zip(results, ours, strict=True):
        if is_ours:
            require_move(RowState.SENDING, one.to)
            changes[one.to] = changes.get(one.to, 0) + 1
    if changes:
        run_many(tx, _MOVE_ROW, [value for value, is_ours in zip(values, ours, strict=True) if is_ours])
        count(tx, import_, {RowState.SENDING: -sum(changes.values()), **changes})
    for one, is_ours in zip(results, ours, strict=True):
        if not is_ours:
            _record_late(tx, import_, one)


def _claims_held(tx: Connection, results: Sequence[Result]) -> dict[int, str]:
    found = tx.execute(
        select(rows.c.id, rows.c.claim)
        .where(rows.c.id.in_([one.row for one in results]), rows.c.state == RowState.SENDING)
        .with_for_update()
    )
    return {id: claim for id, claim in found}


def _disbelieve_known_balances(tx: Connection, import_: int, results: Sequence[Result]) -> list[Result]:
    named = [one.balance_id for one in results if one.balance_id is not None]
    if not named:
        return list(results)
    instance = tx.execute(select(imports.c.instance).where(imports.c.number == import_)).scalar_one()
    known: dict[str, int] = {
        balance_id: row
        for balance_id, row in tx.execute(
            select(rows.c.balance_id, rows.c.id).where(
                rows.c.instance == instance,
                is_one_of(rows, [RowState.CREATED]),
                rows.c.balance_id.in_(named),
            )
        )
    }
    believed = []
    for one in results:
        if one.balance_id is not None and known.setdefault(one.balance_id, one.row) != one.row:
            one = replace(
                one,
                to=RowState.UNKNOWN,
                outcome=Outcome.UNKNOWN,
                message=f"Blnk answered with {one.balance_id}, which is another row's balance.",
                balance_id=None,
            )
        believed.append(one)
    return believed


def _record_late(tx: Connection, import_: int, one: Result) -> None:
    """An answer to an attempt that had been given up. Only one that names a balance changes anything."""
    if one.balance_id is None:
        return
    for from_ in (RowState.UNKNOWN, RowState.READY):
        if from_ is RowState.READY and _another_holds_ref(tx, one.row):
            break
        if move(
            tx, [one.row], from_=from_, to=RowState.CREATED, balance_id=one.balance_id, message=one.message
        ):
            note(tx, import_, who=WHO, what="late answer", row=one.row, balance_id=one.balance_id)
            return
    held = tx.execute(select(rows.c.balance_id).where(rows.c.id == one.row)).scalar_one()
    if held != one.balance_id:
        note(tx, import_, who=WHO, what="second balance", row=one.row, balance_ids=[held, one.balance_id])


def _another_holds_ref(tx: Connection, row: int) -> bool:
    return tx.execute(select(rows.c.id).where(rows.c.id == row, REF_IS_HELD)).first() is not None


def _left_behind(instance: int | None, except_of: str | None) -> Select[int, int]:
    being_sent = select(counts.c.import_).where(counts.c.state == RowState.SENDING, counts.c.n > 0)
    left = select(rows.c.import_, rows.c.id).where(
        rows.c.import_.in_(being_sent), rows.c.state == RowState.SENDING
    )
    if instance is not None:
        left = left.where(rows.c.instance == instance)
    if except_of is not None:
        left = left.where(~rows.c.claim.startswith(except_of))
    return left


def anybody_left_rows(tx: Connection, instance: int, *, except_of: str) -> bool:
    """Whether there is something to `recover`: a sender that lost its lock may have claimed after that."""
    return tx.execute(_left_behind(instance, except_of).limit(1)).first() is not None


def recover(tx: Connection, instance: int | None = None, *, except_of: str | None = None) -> int:
    """Rows that a sender left behind in SENDING; they are UNKNOWN now. Call it only when holding the lock.

    Of one instance, where it is given. The claims of the engine `except_of`, which is at work, are spared.
    """
    left = tx.execute(_left_behind(instance, except_of)).all()
    per_import: dict[int, list[int]] = {}
    for import_, id in left:
        per_import.setdefault(import_, []).append(id)
    for import_, ids in per_import.items():
        move(
            tx,
            ids,
            from_=RowState.SENDING,
            to=RowState.UNKNOWN,
            message="The sender stopped while this row was being sent.",
        )
        note(tx, import_, who=WHO, what="interrupted", rows=len(ids))
    return len(left)


def remember_first(tx: Connection, import_: int, blnk_created_at: str) -> None:
    """Keeps Blnk's own time of the import's first balance: it bounds the looks, never our clock."""
    tx.execute(
        update(imports)
        .where(imports.c.number == import_, imports.c.created_from.is_(None))
        .values(created_from=blnk_created_at)
    )
