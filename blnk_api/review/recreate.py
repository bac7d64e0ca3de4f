"""Prepares rows that already exist in Blnk to be created once more, under new refs."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import Connection, literal_column, null, select, update

from blnk_api.common.row_label import label_of
from blnk_api.lookup import refs
from blnk_api.models import IMPORT_ID, IMPORT_REF
from blnk_api.store.bulk import given, run_at_once
from blnk_api.store.imports import Import
from blnk_api.store.states import RowState
from blnk_api.store.tables import is_one_of, rows
from blnk_api.store.transitions import IDS_PER_STATEMENT, count, require_move


@dataclass(frozen=True, slots=True)
class Existing:
    """A row that exists in Blnk. `ref` and `body` are None if the file itself named the balance."""

    id: int
    number: int
    part: str
    ref: str | None
    body: bytes | None

    @property
    def label(self) -> str:
        return label_of(self.number, self.part)

    @property
    def can_be_sent(self) -> bool:
        return self.body is not None and refs.parse_ref(self.ref or "") is not None


def existing(tx: Connection, import_: int, row_ids: Sequence[int]) -> list[Existing]:
    """Those of these rows that exist in Blnk, in file order. They cannot change until the transaction
    ends."""
    found: list[Existing] = []
    for start in range(0, len(row_ids), IDS_PER_STATEMENT):
        part = tx.execute(
            select(rows.c.id, rows.c.number, rows.c.part, rows.c.ref, rows.c.body)
            .where(
                rows.c.id.in_(row_ids[start : start + IDS_PER_STATEMENT]),
                rows.c.import_ == import_,
                rows.c.state == RowState.EXISTS,
            )
            .with_for_update()
        )
        found += [Existing(*one) for one in part]
    return sorted(found, key=lambda one: one.id)


_RESTAMPED = given("restamped", at_row=rows.c.id, ref=rows.c.ref, body=rows.c.body, at=rows.c.changed_at)
_MAKE_READY = (
    update(rows)
    .where(rows.c.id == _RESTAMPED.c.at_row, is_one_of(rows, [RowState.EXISTS]))
    .values(
        state=literal_column(f"'{RowState.READY}'"),
        ref=_RESTAMPED.c.ref,
        body=_RESTAMPED.c.body,
        balance_id=null(),
        message=null(),
        approval=null(),  # nobody has approved another balance
        changed_at=_RESTAMPED.c.at,
    )
)


def make_ready(tx: Connection, import_: Import, found: Sequence[Existing]) -> None:
    """EXISTS → READY, in one statement for thousands of rows: nobody else can write to the store
    meanwhile."""
    require_move(RowState.EXISTS, RowState.READY)
    now = time.time()
    restamped = [
        (one.id, ref, _restamped(one.body or b"", ref, import_.id), now)
        for one, ref in zip(found, _new_refs(tx, import_, found), strict=True)
    ]
    run_at_once(tx, _MAKE_READY, restamped)
    count(tx, import_.number, {RowState.EXISTS: -len(restamped), RowState.READY: len(restamped)})


def _new_refs(tx: Connection, import_: Import, found: Sequence[Existing]) -> list[str]:
    """The rows' refs with this import's id as salt. Two refs that differed only in their salts stay
    different."""
    mine = select(rows.c.ref).where(rows.c.import_ == import_.number, rows.c.ref.endswith(f"-{import_.id}"))
    taken = {ref for (ref,) in tx.execute(mine)}
    made = []
    for row in found:
        old = refs.parse_ref(row.ref or "")
        assert old is not None
        n = old.occurrence
        while (ref := refs.make_ref(old.hash, n, import_.id)) in taken:
            n += 1
        taken.add(ref)
        made.append(ref)
    return made


def _restamped(body: bytes, ref: str, import_id: str) -> bytes:
    body_fields = orjson.loads(body)
    body_fields["meta_data"] |= {IMPORT_REF: ref, IMPORT_ID: import_id}
    return orjson.dumps(body_fields)
