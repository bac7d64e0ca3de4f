"""The totals of a checked draft, as a person confirms them."""

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import Connection

from blnk_api.access.actors import Actor
from blnk_api.access.acts import Act
from blnk_api.drafts.lookalikes import customer_has_balance, near_duplicates
from blnk_api.drafts.writing import merging
from blnk_api.facts.totals import LedgerTotal, Totals
from blnk_api.store import import_changes, imports, rows
from blnk_api.store.checking.checked_rows import NewRow
from blnk_api.store.events import EventKind, Particulars, note
from blnk_api.store.imports import Import
from blnk_api.store.rows import StoredRow
from blnk_api.store.search import row_reasons
from blnk_api.store.states import ImportState, RowState, Stage
from blnk_api.store.transitions import move


def finish_draft(tx: Connection, looked_up: Import, not_compared: list[str]) -> None:
    """LOOKING → CHECKED, with the totals for a person to confirm, as a new version of the draft."""
    draft = imports.by_number(tx, looked_up.number)
    if draft.version != looked_up.version:
        return
    not_checked = draft.totals.not_checked or tuple(not_compared)
    if draft.totals.but_for_changed and draft.look_again is not None:
        numbers = set(rows.numbers_of(tx, draft.look_again).values())
        now = rows.of_records(tx, draft.number, numbers)
        changed = set(draft.look_again)
        before = [row._replace(state=RowState.READY, why=None) if row.id in changed else row for row in now]
        totals = totals_changed(draft, before, now)
    else:
        totals = draft_totals(tx, draft)
    import_changes.move_stage(
        tx,
        draft.number,
        from_=[Stage.LOOKING],
        to=Stage.CHECKED,
        problem=None,
        look_again=None,
        totals=totals.model_copy(update={"not_checked": not_checked, "but_for_changed": False}),
        version=draft.version + 1,
    )


def draft_totals(tx: Connection, draft: Import) -> Totals:
    """The totals of a checked draft from its current rows."""
    counts = draft.counts
    names = draft.totals.ledger_names
    by_ledger = tuple(
        LedgerTotal(
            ledger_id=one.ledger_id, name=names.get(one.ledger_id, ""), currency=one.currency, n=one.n
        )
        for one in rows.totals(tx, draft.number, [RowState.READY])
    )
    now = {
        "balances": counts.get(RowState.READY, 0),
        "invalid": counts.get(RowState.INVALID, 0),
        "looks_like": row_reasons.count_with(tx, draft.number, RowState.LEFT_OUT, near_duplicates.KIND),
        "left_out": row_reasons.count_with(tx, draft.number, RowState.LEFT_OUT, merging.LEFT_OUT_BY_A_PERSON),
        "hidden_rows": row_reasons.count_with(
            tx, draft.number, RowState.LEFT_OUT, merging.HIDDEN_AND_SKIPPED
        ),
        "has_balance": len(customer_has_balance.numbers(tx, draft.number)),
        "existing": counts.get(RowState.EXISTS, 0) + counts.get(RowState.CREATED, 0),
        "by_ledger": by_ledger,
    }
    return draft.totals.model_copy(update=now)


Stands = StoredRow | NewRow


def totals_changed(draft: Import, before: Sequence[Stands], now: Sequence[Stands]) -> Totals:
    """Like `draft_totals`, if only these rows changed: all rows of their records, before and now. Counting
    all rows of a large draft would block other writers for seconds."""
    totals = draft.totals
    ready = Counter({(one.ledger_id, one.currency): one.n for one in totals.by_ledger})
    ready.update((row.ledger_id or "", row.currency or "") for row in now if row.state is RowState.READY)
    ready.subtract((row.ledger_id or "", row.currency or "") for row in before if row.state is RowState.READY)
    names = totals.ledger_names
    by_ledger = tuple(
        LedgerTotal(ledger_id=ledger, name=names.get(ledger, ""), currency=currency, n=n)
        for (ledger, currency), n in sorted(ready.items(), key=lambda item: (-item[1], item[0]))
        if n
    )

    def changed(state: RowState, why: str) -> int:
        was, are = ([row for row in some if (row.state, row.why) == (state, why)] for some in (before, now))
        if state is RowState.READY:  # counted per record, which may make several balances
            return len({row.number for row in are}) - len({row.number for row in was})
        return len(are) - len(was)

    left_out, counts = RowState.LEFT_OUT, draft.counts
    return totals.model_copy(
        update={
            "balances": counts.get(RowState.READY, 0),
            "invalid": counts.get(RowState.INVALID, 0),
            "existing": counts.get(RowState.EXISTS, 0) + counts.get(RowState.CREATED, 0),
            "looks_like": totals.looks_like + changed(left_out, near_duplicates.KIND),
            "left_out": totals.left_out + changed(left_out, merging.LEFT_OUT_BY_A_PERSON),
            "hidden_rows": totals.hidden_rows + changed(left_out, merging.HIDDEN_AND_SKIPPED),
            "has_balance": totals.has_balance + changed(RowState.READY, customer_has_balance.KIND),
            "by_ledger": by_ledger,
        }
    )


def create_resembling_too(tx: Connection, draft: Import, *, who: Actor) -> int:
    """Includes the rows that resemble balances created before, because a person decided so.

    LEFT_OUT → READY, with an event and a new version of the draft. Returns the number of rows.
    """
    who.require(Act.CHANGE_DRAFT, draft.instance)
    if draft.state is not ImportState.DRAFT or draft.stage is not Stage.CHECKED:
        return 0
    ids = row_reasons.ids_with(tx, draft.number, RowState.LEFT_OUT, near_duplicates.KIND)
    moved = move(tx, ids, from_=RowState.LEFT_OUT, to=RowState.READY, why=None)
    if moved:
        detail = Particulars(kind=near_duplicates.KIND, rows=len(moved))
        note(tx, draft.number, who=who, what=EventKind.ACCEPTED, detail=detail)
        totals = draft_totals(tx, imports.by_number(tx, draft.number))
        import_changes.set_facts(tx, draft.number, totals=totals, version=draft.version + 1)
    return len(moved)
