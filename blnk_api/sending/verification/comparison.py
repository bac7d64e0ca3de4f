"""Compares balances that Blnk shows with the rows of an import, and keeps what it finds."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import starmap
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection, select

from blnk_api.facts.findings import Findings, RowFinding, Unexpected
from blnk_api.models import IMPORT_ID, Balance
from blnk_api.sending.verification.seen_rows import SeenRows
from blnk_api.store.bulk import given, run_at_once
from blnk_api.store.imports import Import
from blnk_api.store.states import HELD, RowState
from blnk_api.store.tables import is_one_of, rows

MOST_TOLD = 1000
"""How many findings are stored with all their ids. Of the rest only their number is stored."""

_Finding = TypeVar("_Finding", RowFinding, Unexpected)


@dataclass
class Tally:
    """The intermediate result of a verification."""

    expected: int
    twins: list[RowFinding] = field(default_factory=list)
    missing: list[RowFinding] = field(default_factory=list)
    unexpected: list[Unexpected] = field(default_factory=list)
    _told: set[str] = field(default_factory=set)
    """Second and unexpected balances that are already among the findings: a balance may be read twice."""

    def add(self, kind: list[_Finding], finding: _Finding) -> None:
        id = finding.ids[-1]
        if len(kind) < MOST_TOLD and id not in self._told:
            self._told.add(id)
            kind.append(finding)

    def findings(self, *, found: int = 0, why_not: str | None = None) -> Findings:
        """`why_not`: why these credentials could not read."""
        return Findings(
            checked=why_not is None,
            at=time.time(),
            expected=self.expected,
            found=found,
            twins=self.twins,
            missing=self.missing,
            unexpected=self.unexpected,
            why_not=why_not,
            clean=not (self.twins or self.missing or self.unexpected),
        )


class _Holder(NamedTuple):
    """A row with one of the refs that Blnk shows."""

    id: int
    ref: str
    number: int
    balance_id: str | None
    import_: int
    state: str


_SHOWN = given("shown", ref=rows.c.ref, instance=rows.c.instance)
# Import and state are compared outside of the query, in which SQLite would scan all rows of the import.
_HOLDERS = select(rows.c.id, rows.c.ref, rows.c.number, rows.c.balance_id, rows.c.import_, rows.c.state).join(
    _SHOWN,
    (rows.c.instance == _SHOWN.c.instance) & (rows.c.ref == _SHOWN.c.ref) & is_one_of(rows, HELD),
)


def compare(
    tx: Connection, import_: Import, balances: Sequence[Balance], seen: SeenRows | None, tally: Tally
) -> None:
    """Marks the rows whose refs are on a page of Blnk's balances in `seen`, if given, and notes balances that
    no row names.

    A balance of this import may belong to another import's row with the same content: its answer was lost,
    and the other import found it. That is not unexpected.
    """
    refs = {one.import_ref for one in balances}
    if not refs:
        return
    asked = [(ref, import_.instance_number) for ref in refs]
    found = starmap(_Holder, run_at_once(tx, _HOLDERS, asked))
    holders: dict[str | None, _Holder] = {one.ref: one for one in found}
    strangers = []
    for balance in balances:
        row = holders.get(balance.import_ref)
        is_its_balance = row is not None and row.balance_id == balance.balance_id
        if row is not None and row.import_ == import_.number and row.state == RowState.CREATED:
            if is_its_balance:
                if seen is not None:
                    seen.add(row.id)
                    seen.witness = balance.balance_id
            else:
                ids = [id for id in (row.balance_id, balance.balance_id) if id is not None]
                tally.add(tally.twins, RowFinding(row=row.number, ids=ids))
        elif balance.meta_data.get(IMPORT_ID) == import_.id and not is_its_balance:
            strangers.append(Unexpected(ref=balance.import_ref, ids=[balance.balance_id]))
    known = _of_fixed_rows(tx, import_.number, [one.ids[0] for one in strangers]) if strangers else ()
    for one in strangers:
        if one.ids[0] not in known:
            tally.add(tally.unexpected, one)


def _of_fixed_rows(tx: Connection, number: int, balance_ids: Sequence[str]) -> set[str]:
    """Which of these are balances of rows that were created before they were fixed, under another ref."""
    mine = (rows.c.import_ == number, rows.c.state == RowState.EXISTS)
    return set(
        tx.execute(select(rows.c.balance_id).where(*mine, rows.c.balance_id.in_(balance_ids))).scalars()
    )
