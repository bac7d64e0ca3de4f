"""Records the outcomes of attempts, and takes back claims whose commit is in doubt.

A claim (`claims`) has a token that only its maker knows. An outcome moves its row only if it is still in the
state of that claim, but the attempt's outcome is always recorded.
"""

import time
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import (
    Connection,
    case,
    func,
    literal_column,
    select,
    update,
)

from blnk_api.access.actors import SENDER
from blnk_api.store.bulk import given, run_at_once
from blnk_api.store.events import EventKind, Particulars, note
from blnk_api.store.outbox import notifications
from blnk_api.store.sending import superseded
from blnk_api.store.sending.claims import REF_IS_HELD
from blnk_api.store.states import Outcome, RowState
from blnk_api.store.tables import attempts, imports, is_one_of, rows
from blnk_api.store.transitions import count, move, require_move

WHO = SENDER


class Result(NamedTuple):
    """The outcome of one attempt, and the row's next state."""

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
    request_id: str | None = None


def take_back(tx: Connection, import_: int, row_ids: Sequence[int], token: str) -> None:
    """Puts back the rows of a claim whose commit failed, or seemed to: none of them has left."""
    held = tx.execute(select(rows.c.id, rows.c.tries).where(rows.c.id.in_(row_ids), rows.c.claim == token))
    why = "The import database could not confirm the claim on this row, so the row was not sent."
    taken = [Result(id, n, token, RowState.READY, Outcome.NOT_APPLIED, message=why) for id, n in held]
    if taken:
        record(tx, import_, taken)


_RESULT = given(
    "result",
    at_row=attempts.c.row,
    n=attempts.c.n,
    by=rows.c.claim,
    to_state=rows.c.state,
    outcome=attempts.c.outcome,
    status=attempts.c.status,
    message=rows.c.message,
    balance_id=rows.c.balance_id,
    server_error=rows.c.server_error,
    waits_for_person=rows.c.waits_for_person,
    request_id=attempts.c.request_id,
    at=rows.c.changed_at,
)
"""A Result, field by field, and the current time."""

_END_ATTEMPT = (
    update(attempts)
    .where(attempts.c.row == _RESULT.c.at_row, attempts.c.n == _RESULT.c.n)
    .values(
        ended_at=_RESULT.c.at,
        outcome=_RESULT.c.outcome,
        status=_RESULT.c.status,
        message=_RESULT.c.message,
        balance_id=_RESULT.c.balance_id,
        request_id=_RESULT.c.request_id,
    )
)
_MOVE_ROW = (
    update(rows)
    .where(
        rows.c.id == _RESULT.c.at_row,
        is_one_of(rows, [RowState.SENDING]),
        rows.c.claim == _RESULT.c.by,
    )
    .values(
        state=_RESULT.c.to_state,
        message=_RESULT.c.message,
        balance_id=_RESULT.c.balance_id,
        waits_for_person=_RESULT.c.waits_for_person,
        server_errors=case(
            (_RESULT.c.server_error.is_(None), rows.c.server_errors),
            (rows.c.server_error == _RESULT.c.server_error, rows.c.server_errors + literal_column("1")),
            else_=literal_column("1"),
        ),
        server_error=func.coalesce(_RESULT.c.server_error, rows.c.server_error),
        changed_at=_RESULT.c.at,
    )
    .returning(rows.c.id, rows.c.claim)
)


def record(tx: Connection, import_: int, results: Sequence[Result]) -> None:
    """Records the outcomes of attempts and moves their rows.

    An answer with a balance that another row has is not believed: its row becomes UNKNOWN and is looked up.
    If a row is no longer SENDING under its claim, its attempt was declared lost; the late answer is still
    stored (`_record_late`).
    """
    now = time.time()
    results = _disbelieve_known_balances(tx, import_, results)
    values = [(*one, now) for one in results]
    for to in {one.to for one in results}:
        require_move(RowState.SENDING, to)
    run_at_once(tx, _END_ATTEMPT, values)
    moved = {(row, claim) for row, claim in run_at_once(tx, _MOVE_ROW, values)}
    changes = Counter[str](one.to for one in results if (one.row, one.claim) in moved)
    if moved:
        count(tx, import_, {RowState.SENDING: -len(moved), **changes})
    for one in results:
        if (one.row, one.claim) not in moved:
            _record_late(tx, import_, one)


_NAMED = given("named", balance_id=rows.c.balance_id, instance=rows.c.instance)
_KNOWN = select(rows.c.balance_id, rows.c.id).join(
    _NAMED,
    (rows.c.instance == _NAMED.c.instance)
    & (rows.c.balance_id == _NAMED.c.balance_id)
    & is_one_of(rows, [RowState.CREATED]),
)


def _disbelieve_known_balances(tx: Connection, import_: int, results: Sequence[Result]) -> list[Result]:
    named = [one.balance_id for one in results if one.balance_id is not None]
    instance = tx.execute(select(imports.c.instance).where(imports.c.number == import_)).scalar_one()
    known: dict[str, int] = dict(run_at_once(tx, _KNOWN, [(one, instance) for one in named]))
    believed = []
    for one in results:
        if one.balance_id is not None and known.setdefault(one.balance_id, one.row) != one.row:
            one = one._replace(
                to=RowState.UNKNOWN,
                outcome=Outcome.UNKNOWN,
                message=f"Blnk answered with {one.balance_id}, which is another row's balance.",
                balance_id=None,
            )
        believed.append(one)
    return believed


def _record_late(tx: Connection, import_: int, one: Result) -> None:
    """An answer to an attempt that was given up. It changes something only if it names a balance."""
    if one.balance_id is None:
        return
    late = "A late answer of Blnk: the balance was created before the row was fixed."
    if superseded.appeared(tx, one.row, one.balance_id, message=late, what=EventKind.LATE_ANSWER):
        return
    for from_ in (RowState.UNKNOWN, RowState.READY, RowState.REFUSED):
        if from_ is not RowState.UNKNOWN and _another_holds_ref(tx, one.row):
            break
        # A row that was rejected since, under another ref, keeps that outcome: its balance would be another.
        claim = one.claim if from_ is RowState.REFUSED else None
        if move(
            tx, [one.row], from_=from_, to=RowState.CREATED, claim=claim,
            balance_id=one.balance_id, message=one.message,
        ):  # fmt: skip
            detail = Particulars(balance_id=one.balance_id)
            note(tx, import_, who=WHO, what=EventKind.LATE_ANSWER, row=one.row, detail=detail)
            return
    held = tx.execute(select(rows.c.balance_id).where(rows.c.id == one.row)).scalar_one()
    if held != one.balance_id:
        detail = Particulars(balance_ids=(held, one.balance_id))
        note(tx, import_, who=WHO, what=EventKind.SECOND_BALANCE, row=one.row, detail=detail)
        notifications.needs_you(tx, import_)


def _another_holds_ref(tx: Connection, row: int) -> bool:
    return tx.execute(select(rows.c.id).where(rows.c.id == row, REF_IS_HELD)).first() is not None


def remember_first(tx: Connection, import_: int, blnk_created_at: str) -> None:
    """Stores Blnk's own time of the import's first balance, the lower bound for look-ups. Our own clock is
    never used for that."""
    tx.execute(
        update(imports)
        .where(imports.c.number == import_, imports.c.created_from.is_(None))
        .values(created_from=blnk_created_at)
    )
