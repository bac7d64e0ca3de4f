"""Rows that another import fixes: which import, their former state, and which refs are still looked up.

A row is Superseded from the transaction that creates the draft of its fix until that draft is discarded, so
it can be sent from only one of the two. Only rows that cannot be on their way can be superseded, never one in
doubt. What was sent for them before may still appear in Blnk: that balance is then the row's, and its fix is
not sent, or both are named.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from blnk_api.access.actors import SENDER
from blnk_api.store.events import EventKind, Particulars, note
from blnk_api.store.rows import StoredRow, row_of, stored
from blnk_api.store.sending import late_records
from blnk_api.store.states import HELD, ImportState, RowState, Stage
from blnk_api.store.tables import imports, is_one_of, late_looks, rows, superseded
from blnk_api.store.transitions import IDS_PER_STATEMENT, move

FIXABLE = (RowState.INVALID, RowState.REFUSED)


def supersede(tx: Connection, row_ids: Sequence[int], *, by: int) -> list[int]:
    """INVALID or REFUSED → SUPERSEDED: these rows are fixed in the import `by`. Returns those that moved."""
    moved: list[int] = []
    for was in FIXABLE:
        here = move(tx, row_ids, from_=was, to=RowState.SUPERSEDED)
        if here:
            tx.execute(insert(superseded), [{"row": id, "import_": by, "was": was} for id in here])
        moved += here
    for start in range(0, len(moved), IDS_PER_STATEMENT):
        part = rows.c.id.in_(moved[start : start + IDS_PER_STATEMENT])
        sent = tx.execute(select(rows.c.id).where(part, rows.c.tries > 0)).scalars().all()
        late_records.owe(tx, list(sent))
    return moved


def put_back(tx: Connection, by: int) -> int:
    """Moves the rows of the discarded draft `by` back to their former states. Returns how many."""
    mine = select(superseded.c.row, superseded.c.was).where(superseded.c.import_ == by)
    was: dict[str, list[int]] = {}
    for row, state in tx.execute(mine):
        was.setdefault(state, []).append(row)
    moved = [
        id
        for state, ids in was.items()
        for id in move(tx, ids, from_=RowState.SUPERSEDED, to=RowState(state))
    ]
    for start in range(0, len(moved), IDS_PER_STATEMENT):
        tx.execute(delete(superseded).where(superseded.c.row.in_(moved[start : start + IDS_PER_STATEMENT])))
    return len(moved)


def sources(tx: Connection, by: int) -> list[StoredRow]:
    """The rows that an import fixes, in file order, with their current values in the source import."""
    found = tx.execute(
        stored()
        .join(superseded, superseded.c.row == rows.c.id)
        .where(superseded.c.import_ == by)
        .order_by(rows.c.id)
    )
    return [row_of(one) for one in found.all()]


@dataclass(frozen=True, slots=True)
class OldRef:
    """A ref under which a row was sent before it was fixed."""

    row: int
    """The row that was sent under it."""
    ref: str
    import_: int
    import_id: str


def old_refs(tx: Connection, import_: int, row_ids: Sequence[int]) -> dict[int, list[OldRef]]:
    """The refs under which these rows of one import were sent in the imports that they were fixed from."""
    mine = {
        one.id: one
        for start in range(0, len(row_ids), IDS_PER_STATEMENT)
        for one in tx.execute(
            select(rows.c.id, rows.c.number, rows.c.part, rows.c.ref).where(
                rows.c.id.in_(row_ids[start : start + IDS_PER_STATEMENT])
            )
        )
    }
    found: dict[int, list[OldRef]] = {}
    by: int | None = import_
    while by is not None and mine:
        before = _sent_before(tx, by, sorted({one.number for one in mine.values()}))
        for id, row in mine.items():
            same = _counterparts([part for part, _ in before.get(row.number, [])], row.part)
            found.setdefault(id, []).extend(
                old for part, old in before.get(row.number, []) if part in same and old.ref != row.ref
            )
        by = tx.execute(select(imports.c.fixes).where(imports.c.number == by)).scalar()
    return {id: olds for id, olds in found.items() if olds}


def own_old_refs(
    tx: Connection, import_: int, import_id: str, row_ids: Sequence[int]
) -> dict[int, list[OldRef]]:
    """Of those of these rows that are READY and were fixed in their own import: the refs under which they
    were in doubt before."""
    fixed = (rows.c.state == RowState.READY, rows.c.ref != late_looks.c.ref)
    return {
        row: [OldRef(row, ref, import_, import_id) for ref in refs]
        for row, refs in _late_refs(tx, row_ids, *fixed).items()
    }


def _counterparts(parts: Sequence[str], part: str) -> set[str]:
    """Which of a record's parts may be the row that this part was before: the same part, otherwise any of
    them."""
    return {part} if part in parts else set(parts)


def _sent_before(tx: Connection, by: int, numbers: Sequence[int]) -> dict[int, list[tuple[str, OldRef]]]:
    """By the record's number: part and ref of each row that an import fixes and that was sent before."""
    found: dict[int, list[tuple[str, OldRef]]] = {}
    for start in range(0, len(numbers), IDS_PER_STATEMENT):
        asked = (
            select(
                rows.c.id, rows.c.number, rows.c.part, rows.c.ref, rows.c.tries, rows.c.import_, imports.c.id
            )
            .join(superseded, superseded.c.row == rows.c.id)
            .join(imports, imports.c.number == rows.c.import_)
            .where(superseded.c.import_ == by, rows.c.number.in_(numbers[start : start + IDS_PER_STATEMENT]))
        )
        there = tx.execute(asked).all()
        owed = _late_refs(tx, [one[0] for one in there])
        for row, number, part, ref, tries, import_, import_id in there:
            refs = dict.fromkeys([*([ref] if tries and ref else []), *owed.get(row, ())])
            found.setdefault(number, []).extend((part, OldRef(row, one, import_, import_id)) for one in refs)
    return found


def _late_refs(tx: Connection, row_ids: Sequence[int], *only: ColumnElement[bool]) -> dict[int, list[str]]:
    """The refs under which late look-ups of each of these rows are or were scheduled."""
    found: dict[int, list[str]] = {}
    for start in range(0, len(row_ids), IDS_PER_STATEMENT):
        part = late_looks.c.row.in_(row_ids[start : start + IDS_PER_STATEMENT])
        asked = select(late_looks.c.row, late_looks.c.ref).join(rows, rows.c.id == late_looks.c.row)
        for row, ref in tx.execute(asked.where(part, *only)):
            found.setdefault(row, []).append(ref)
    return found


def appeared(tx: Connection, row: int, balance_id: str, *, message: str, what: EventKind) -> bool:
    """SUPERSEDED → CREATED: the balance from before the fix appeared in Blnk. Returns whether this call did
    it.

    The fix is not sent anymore. If it has already left, late look-ups name both balances. Does nothing if
    another row has the same ref or the balance: it belongs to that row.
    """
    if _is_anothers(tx, row, balance_id):
        return False
    moved = move(
        tx,
        [row],
        from_=RowState.SUPERSEDED,
        to=RowState.CREATED,
        balance_id=balance_id,
        waits_for_person=False,
        message=message,
    )
    if not moved:
        return False
    import_ = tx.execute(select(rows.c.import_).where(rows.c.id == row)).scalar_one()
    note(tx, import_, who=SENDER, what=what, row=row, detail=Particulars(balance_id=balance_id))
    late_records.owe(tx, [row])
    hold_back(tx, row, balance_id)
    return True


def _is_anothers(tx: Connection, row: int, balance_id: str) -> bool:
    one = tx.execute(select(rows.c.instance, rows.c.ref).where(rows.c.id == row)).one()
    mine = (rows.c.instance == one.instance, rows.c.id != row)
    holds_ref = select(rows.c.id).where(*mine, rows.c.ref == one.ref, is_one_of(rows, HELD))
    has_it = select(rows.c.id).where(
        *mine, rows.c.balance_id == balance_id, is_one_of(rows, [RowState.CREATED])
    )
    return any(tx.execute(asked.limit(1)).first() is not None for asked in (holds_ref, has_it))


def hold_back(tx: Connection, row: int, balance_id: str) -> None:
    """The fixes of this row are not sent, unless they have left: the row has its balance."""
    for fix in fixing(tx, row):
        if fix.state is RowState.READY:
            move(
                tx,
                [fix.id],
                from_=RowState.READY,
                to=RowState.EXISTS,
                balance_id=balance_id,
                message=made_before(balance_id),
            )
        _check_draft_again(tx, fix.import_)


def made_before(balance_id: str) -> str:
    """The message of a fix that is not sent because its row was created before."""
    return (
        f"Blnk created this row as {balance_id} before it was fixed, with the values of that time. "
        "Nothing was sent."
    )


@dataclass(frozen=True, slots=True)
class Fixing:
    """A row that fixes another one."""

    id: int
    import_: int
    state: RowState
    balance_id: str | None
    waits_for_person: bool

    @property
    def is_on_its_way(self) -> bool:
        """Its outcome is not known yet, but will be."""
        is_asked = self.state is RowState.UNKNOWN and not self.waits_for_person
        return self.state is RowState.SENDING or is_asked


def fixing(tx: Connection, row: int) -> list[Fixing]:
    """The rows in which this one was fixed, and those in which they were fixed again."""
    one = tx.execute(select(rows.c.number, rows.c.part).where(rows.c.id == row)).one()
    found: list[Fixing] = []
    by = tx.execute(select(superseded.c.import_).where(superseded.c.row == row)).scalar()
    while by is not None:
        parts = tx.execute(
            select(rows.c.part)
            .join(superseded, superseded.c.row == rows.c.id)
            .where(superseded.c.import_ == by, rows.c.number == one.number)
        ).scalars()
        siblings = set(parts)
        same = (rows.c.import_ == by, rows.c.number == one.number)
        columns = (rows.c.id, rows.c.import_, rows.c.state, rows.c.balance_id, rows.c.waits_for_person)
        there = tx.execute(select(*columns, rows.c.part).where(*same)).all()
        mine = [each for each in there if one.part in _counterparts(sorted(siblings), each.part)]
        found += [
            Fixing(each.id, each.import_, RowState(each.state), each.balance_id, each.waits_for_person)
            for each in mine
        ]
        further = select(superseded.c.import_).where(superseded.c.row.in_([each.id for each in mine]))
        by = tx.execute(further.limit(1)).scalar()
    return found


def _check_draft_again(tx: Connection, number: int) -> None:
    """A draft is checked again before anyone can confirm it."""
    tx.execute(
        update(imports)
        .where(
            imports.c.number == number,
            imports.c.state == ImportState.DRAFT,
            imports.c.stage.in_([Stage.CHECKED, Stage.LOOKING, Stage.CHECKING]),
        )
        .values(stage=Stage.CHECKING, version=imports.c.version + 1, problem=None, look_again=None)
    )
