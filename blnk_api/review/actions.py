"""What a person may do to an import and its rows when sending and looking alone do not settle them.

Each act is a guarded move and an event that says who did it; doing it twice does it once. Nothing here sends:
rows become Not sent, or are looked up again, and the sender does the rest. `act_texts` has the words.
"""

from collections.abc import Collection, Sequence

import orjson
from sqlalchemy import Connection, or_, select, update
from sqlalchemy.exc import IntegrityError

from blnk_api.access.actors import Actor
from blnk_api.access.acts import Act
from blnk_api.blnk import answer_meaning
from blnk_api.client import BlnkClient
from blnk_api.common.quoting import shown
from blnk_api.drafts.confirmed_totals import draft_totals
from blnk_api.errors import NotFound
from blnk_api.models import IMPORT_REF, Balance
from blnk_api.review import recreate
from blnk_api.review.resend_by_approver import approve_again
from blnk_api.settings import Instance
from blnk_api.store import Store, import_changes, imports, instance_numbers
from blnk_api.store.events import EventKind, Particulars, note
from blnk_api.store.imports import Import
from blnk_api.store.rows import StoredRow, by_id
from blnk_api.store.sending import late_records
from blnk_api.store.states import ImportState, RowState, Stage
from blnk_api.store.tables import rows
from blnk_api.store.transitions import IDS_PER_STATEMENT, move, move_import
from blnk_api.wording import phrases

_MOST_ROWS = 20


class NotPossible(Exception):
    """The act does not fit the current state. Nothing was changed. The text says why and what to do."""


class NotThisOne(NotPossible):
    """The balance is not what the row requested. `differences` says how, one clause each."""

    def __init__(self, balance_id: str, differences: Sequence[str]) -> None:
        super().__init__(f"{shown(balance_id)} does not match this row: {'; '.join(differences)}.")
        self.differences = list(differences)


def recheck(store: Store, import_: Import, *, who: Actor, rows_: Collection[int] | None = None) -> int:
    """Looks up rows again that waited for a person. Returns how many. `rows_` are their ids; None means all.

    A finished import resumes for it, and is verified again.
    """
    who.require(Act.RECHECK, import_.instance)
    moved = 0
    with store.write() as tx:
        for part in _parts(rows_):
            waiting = [
                rows.c.import_ == import_.number,
                rows.c.state == RowState.UNKNOWN,
                rows.c.waits_for_person.is_(True),
            ]
            if part is not None:
                waiting.append(rows.c.id.in_(part))
            moved += tx.execute(update(rows).where(*waiting).values(waits_for_person=False)).rowcount
        if moved:
            _run_again(tx, import_.number)
            detail = Particulars(rows=moved)
            note(tx, import_.number, who=who, what=EventKind.ASKED_TO_LOOK_AGAIN, detail=detail)
    return moved


def link_balance(store: Store, client: BlnkClient, row: int, balance_id: str, *, who: Actor) -> bool:
    """UNKNOWN → CREATED with a balance that a person found. Returns whether this call did it.

    Raises NotThisOne, NotPossible, or a BlnkError if Blnk does not answer.
    """
    balance_id = balance_id.strip()
    with store.read() as tx:
        who.require(Act.LINK, _instance_of(tx, row))
        row_before = by_id(tx, row)
    if row_before.state is RowState.CREATED and row_before.balance_id == balance_id:
        return False
    if row_before.state is not RowState.UNKNOWN:
        raise NotPossible(f"Row {row_before.label} is {row_before.status}, so there is nothing to decide.")
    if not balance_id:
        raise NotPossible("Enter the balance id. It starts with bln_.")
    _refuse_if_purged(row_before.body)
    try:
        balance = client.get_balance(balance_id)
    except NotFound:
        raise NotPossible(
            f"Blnk has no balance “{shown(balance_id)}”. Check that the whole id was copied."
        ) from None
    if balance.balance_id != balance_id:
        raise NotThisOne(balance_id, [f"Blnk returned {balance.balance_id} instead"])
    if different := _differences(row_before, balance):
        raise NotThisOne(balance_id, different)
    try:
        with store.write() as tx:
            return _mark_created(tx, row_before, balance, who)
    except IntegrityError:
        raise NotPossible(f"{balance_id} has just become another row's balance.") from None


def _differences(row_before: StoredRow, balance: Balance) -> list[str]:
    """How a balance differs from what the row requested. GET returns all fields (tests/contract)."""
    body = orjson.loads(row_before.body or b"{}")
    differences = answer_meaning.differences(body, balance)
    if balance.identity_id and not body.get("identity_id"):
        differences.append(f"it belongs to the identity {balance.identity_id}, but the row names none")
    if balance.indicator and not body.get("indicator"):
        differences.append(f"it has the indicator {balance.indicator}, but the row has none")
    if IMPORT_REF in balance.meta_data and balance.import_ref != row_before.ref:
        differences.append("it has another row's import_ref")
    return differences


def _mark_created(tx: Connection, row_before: StoredRow, balance: Balance, who: Actor) -> bool:
    number, instance = tx.execute(
        select(rows.c.import_, rows.c.instance).where(rows.c.id == row_before.id)
    ).one()
    other = tx.execute(
        select(rows.c.number).where(
            rows.c.balance_id == balance.balance_id,
            rows.c.id != row_before.id,
            or_(
                (rows.c.instance == instance) & (rows.c.state == RowState.CREATED),
                (rows.c.import_ == number) & (rows.c.state == RowState.EXISTS),
            ),
        )
    ).first()
    if other is not None:
        raise NotPossible(f"{balance.balance_id} is already the balance of another row ({other.number:,}).")
    moved = move(
        tx,
        [row_before.id],
        from_=RowState.UNKNOWN,
        to=RowState.CREATED,
        balance_id=balance.balance_id,
        waits_for_person=False,
        message=f"{phrases.actor(who)} linked this balance.",
    )
    if moved:
        # The balance may not come from the row's own request, which Blnk may still carry out.
        late_records.owe(tx, moved)
        detail = Particulars(balance_id=balance.balance_id)
        note(tx, number, who=who, what=EventKind.SAID_WHICH_BALANCE, row=row_before.id, detail=detail)
    return bool(moved)


def send_again(store: Store, row: int, *, who: Actor) -> bool:
    """UNKNOWN → READY, because a person says that Blnk has no balance for the row. Returns whether this call
    did it.

    A finished import resumes. If a second person had to approve the import, resending needs an approver
    again: the request is the approved one, but sending it again is new. Raises NotPossible if the import was
    canceled.
    """
    with store.write() as tx:
        row_before = tx.execute(
            select(rows.c.import_, rows.c.balance_id, rows.c.body).where(rows.c.id == row)
        ).one()
        number, held = row_before.import_, row_before.balance_id
        import_ = imports.by_number(tx, number)
        who.require(Act.APPROVE if import_.needs_approval else Act.SEND_AGAIN, import_.instance)
        _refuse_if_cancelled(import_)
        _refuse_if_purged(row_before.body)
        if import_.needs_approval and (why_not := approve_again(tx, import_, row, who=who)):
            raise NotPossible(why_not)
        moved = move(
            tx,
            [row],
            from_=RowState.UNKNOWN,
            to=RowState.READY,
            balance_id=None,
            waits_for_person=False,
            server_errors=0,
            message=f"{phrases.actor(who)} checked Blnk and asked to send the row again.",
        )
        if not moved:
            return False
        _run_again(tx, number)
        detail = Particulars(was=held) if held else None
        note(tx, number, who=who, what=EventKind.ASKED_TO_SEND_AGAIN, row=row, detail=detail)
    return True


def again_anyway(
    store: Store, import_: Import, row_ids: Collection[int], *, typed_count: int, who: Actor
) -> int:
    """EXISTS → READY under new refs, so that each row creates one more balance. Returns how many rows moved.

    `typed_count` is what the person typed: how many rows they mean. Raises NotPossible.
    """
    who.require(Act.CREATE_AGAIN, import_.instance)
    ids = list(dict.fromkeys(row_ids))
    if typed_count != len(ids):
        raise NotPossible(
            f"Type the number of rows, {len(ids):,}, to create them again. Nothing was changed."
        )
    with store.write() as tx:
        now = imports.by_number(tx, import_.number)
        _refuse_if_cancelled(now)
        if now.state is ImportState.DRAFT and now.stage is not Stage.CHECKED:
            raise NotPossible("The file is still being checked. Wait until that is done.")
        found = recreate.existing(tx, now.number, ids)
        if not found:
            return 0
        if len(found) != len(ids):
            raise NotPossible(
                "Some of these rows have changed in the meantime. Reload the page and review them."
            )
        if strange := [one.label for one in found if not one.can_be_sent]:
            listed = ", ".join(strange[:_MOST_ROWS])
            raise NotPossible(
                f"The file already names the balance of row {listed}. "
                "Clear the cell and import the file again."
            )
        recreate.make_ready(tx, now, found)
        labels = tuple(one.label for one in found[:_MOST_ROWS])
        detail = Particulars(count=len(found), rows=labels)
        note(tx, now.number, who=who, what=EventKind.ASKED_FOR_AGAIN, detail=detail)
        if now.state is ImportState.DRAFT:
            totals = draft_totals(tx, imports.by_number(tx, now.number))
            import_changes.set_facts(tx, now.number, version=now.version + 1, totals=totals)
        else:
            _run_again(tx, now.number)
    return len(found)


def verify_again(store: Store, import_: Import, *, who: Actor) -> bool:
    """DONE → VERIFYING. Returns whether this call did it. Other imports are verified at their end, or were
    canceled."""
    who.require(Act.VERIFY_AGAIN, import_.instance)
    with store.write() as tx:
        moved = move_import(
            tx, import_.number, from_=[ImportState.DONE], to=ImportState.VERIFYING, finished_at=None
        )
        if moved:
            note(tx, import_.number, who=who, what=EventKind.ASKED_TO_VERIFY_AGAIN)
    return moved


def _instance_of(tx: Connection, row: int) -> Instance:
    number = tx.execute(select(rows.c.instance).where(rows.c.id == row)).scalar_one()
    return instance_numbers.instance_numbered(tx, number)


def _run_again(tx: Connection, number: int) -> None:
    """Resumes an import that is finished or being verified. All others stay as they are."""
    over = [ImportState.DONE, ImportState.VERIFYING]
    move_import(tx, number, from_=over, to=ImportState.RUNNING, finished_at=None)


def _refuse_if_cancelled(import_: Import) -> None:
    if import_.state is ImportState.CANCELLED:
        raise NotPossible(
            "This import was canceled, so no more rows are sent. Download its results and import the rows "
            "that "
            "you need again."
        )


def _refuse_if_purged(body: bytes | None) -> None:
    if body is None:
        raise NotPossible(
            "The contents of this row were deleted, as the settings require, so it can be neither compared "
            "nor sent. If the balance is needed, import it from a file again: a balance that "
            "Blnk already has is found."
        )


def _parts(ids: Collection[int] | None) -> list[list[int] | None]:
    if ids is None:
        return [None]
    listed = list(ids)
    return [listed[start : start + IDS_PER_STATEMENT] for start in range(0, len(listed), IDS_PER_STATEMENT)]
