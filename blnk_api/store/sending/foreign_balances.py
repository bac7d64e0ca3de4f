"""Finds balances of an import's rows that were not created here: another desk is creating the same rows."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, select

from blnk_api.common.row_label import label_of
from blnk_api.models import IMPORT_ID, Balance
from blnk_api.store import events
from blnk_api.store.events import EventKind, Particulars, note
from blnk_api.store.search import row_blocks
from blnk_api.store.sending.attempts import WHO
from blnk_api.store.states import RowState
from blnk_api.store.tables import imports, rows


@dataclass(frozen=True, slots=True)
class ForeignBalance:
    """A balance with a row's ref that this database did not create. `ours` is the one that it did."""

    label: str
    balance_id: str
    ours: str | None


def unknown_here(tx: Connection, import_ids: Collection[str]) -> set[str]:
    """Which of these ids belong to no import of this database."""
    known = tx.execute(select(imports.c.id).where(imports.c.id.in_(import_ids)))
    return set(import_ids) - {one.id for one in known}


class _Row(NamedTuple):
    ref: str
    number: int
    part: str
    state: str
    tries: int
    balance_id: str | None


def import_id_of(balance: Balance) -> str:
    made_by = balance.meta_data.get(IMPORT_ID)
    return made_by if isinstance(made_by, str) else ""


def strangers(
    tx: Connection, number: int, import_id: str, balances: Sequence[Balance]
) -> list[ForeignBalance]:
    """Those of these balances that carry a ref of this import but were not created by it.

    Either their import is unknown to this database; or it is this very import, and a row has more balances
    than it was sent: then a copy of this database is sending. An attempt that Blnk carried out late is
    neither.
    """
    refs = {one.import_ref for one in balances if one.import_ref is not None}
    found = tx.execute(
        select(rows.c.ref, rows.c.number, rows.c.part, rows.c.state, rows.c.tries, rows.c.balance_id).where(
            row_blocks.of_imports(tx, [number]), rows.c.ref.in_(refs)
        )
    )
    by_ref: dict[str, list[_Row]] = {}
    for one in found:  # two rows may have brought the same ref
        by_ref.setdefault(one.ref, []).append(_Row(*one))
    if not by_ref:
        return []
    foreign = unknown_here(tx, {import_id_of(one) for one in balances})
    ours = Counter(one.import_ref for one in balances if import_id_of(one) == import_id)
    told = []
    for balance in balances:
        same = by_ref.get(balance.import_ref or "", [])
        held = [row.balance_id for row in same if row.state == RowState.CREATED]
        tries = sum(row.tries for row in same)
        is_one_too_many = import_id_of(balance) == import_id and ours[balance.import_ref] > tries
        if same and balance.balance_id not in held and (import_id_of(balance) in foreign or is_one_too_many):
            label = label_of(same[0].number, same[0].part)
            told.append(ForeignBalance(label, balance.balance_id, held[0] if held else None))
    return told


def name_twins(
    tx: Connection, number: int, found: Mapping[str, Sequence[Balance]]
) -> list[tuple[str, list[str]]]:
    """Records an event, once, for each row that was created here and has a second balance. Returns their
    labels and ids. `found` has balances by ref."""
    created = tx.execute(
        select(rows.c.id, rows.c.ref, rows.c.number, rows.c.part, rows.c.balance_id).where(
            row_blocks.of_imports(tx, [number]), rows.c.ref.in_(found), rows.c.state == RowState.CREATED
        )
    ).all()
    told = []
    for row in created:
        others = [one.balance_id for one in found[row.ref] if one.balance_id != row.balance_id]
        if not others:
            continue
        ids = [row.balance_id, *others]
        told.append((label_of(row.number, row.part), ids))
        before = events.of_row(tx, number, row.id, EventKind.SECOND_BALANCE)
        if not any(set(ids) <= set(one.detail.balance_ids) for one in before):
            detail = Particulars(balance_ids=tuple(ids))
            note(tx, number, who=WHO, what=EventKind.SECOND_BALANCE, row=row.id, detail=detail)
    return told
