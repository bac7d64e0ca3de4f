"""Reports, once, each balance that a row should not have: as an event, and among its import's findings."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from blnk_api.common.row_label import label_of
from blnk_api.facts.findings import Findings, RowFinding, Unexpected
from blnk_api.sending.verification.comparison import MOST_TOLD
from blnk_api.store import events, import_changes, imports
from blnk_api.store import rows as row_records
from blnk_api.store.events import EventKind, Particulars, note
from blnk_api.store.imports import Import
from blnk_api.store.outbox import notifications
from blnk_api.store.sending.attempts import WHO


class SecondBalances:
    """In one transaction. `row` has at least `id`, `number` and `part`."""

    def __init__(self, tx: Connection) -> None:
        self._tx = tx
        self._named: dict[int, set[tuple[int, str]]] = {}
        """What was already reported, by import: the record's number and the balance."""

    def second(self, import_: Import, row: Any, ids: Sequence[str]) -> None:
        """A row has more than one balance. The first of these counts as its own."""
        every = list(dict.fromkeys(ids))
        if len(every) > 1 and self._is_new(import_, row, every):
            detail = Particulars(balance_ids=tuple(every), by="a late look")
            note(self._tx, import_.number, who=WHO, what=EventKind.SECOND_BALANCE, row=row.id, detail=detail)
            self._add(import_, twin=RowFinding(row=row.number, ids=every))
            notifications.needs_you(self._tx, import_.number)

    def late(self, import_: Import, row: Any, ref: str, ids: Sequence[str]) -> None:
        """A row without a balance has one after all: it was fixed since, or another import created it."""
        if self._is_new(import_, row, ids):
            detail = Particulars(label=label_of(row.number, row.part), balance_ids=tuple(ids))
            note(self._tx, import_.number, who=WHO, what=EventKind.MADE_LATE, row=row.id, detail=detail)
            self._add(import_, unexpected=Unexpected(ref=ref, row=row.number, ids=list(ids)))
            notifications.needs_you(self._tx, import_.number)

    def _is_new(self, import_: Import, row: Any, ids: Sequence[str]) -> bool:
        if not ids:
            return False
        if import_.number not in self._named:
            self._named[import_.number] = self._read(import_)
        named = self._named[import_.number]
        asked = {(row.number, id) for id in ids}
        is_new = not asked <= named
        named |= asked
        return is_new

    def _read(self, import_: Import) -> set[tuple[int, str]]:
        found = import_.findings or Findings()
        told: list[RowFinding | Unexpected] = [*found.twins, *found.unexpected]
        named = {(one.row, id) for one in told if one.row is not None for id in one.ids}
        noted = events.of_kinds(self._tx, import_.number, [EventKind.SECOND_BALANCE, EventKind.MADE_LATE])
        numbers = row_records.numbers_of(self._tx, [one.row for one in noted if one.row is not None])
        for one in noted:
            if one.row in numbers:
                named |= {(numbers[one.row], id) for id in one.detail.ids}
        return named

    def _add(
        self, import_: Import, *, twin: RowFinding | None = None, unexpected: Unexpected | None = None
    ) -> None:
        """Added to the import's comparison. If there is none, only the event reports it."""
        found = imports.by_number(self._tx, import_.number).findings
        if found is None or not found.checked:
            return
        told: dict[str, object] = {"clean": False}
        if twin is not None:
            told["twins"] = [*found.twins, twin][:MOST_TOLD]
        if unexpected is not None:
            told["unexpected"] = [*found.unexpected, unexpected][:MOST_TOLD]
        import_changes.set_facts(self._tx, import_.number, findings=found.model_copy(update=told))
