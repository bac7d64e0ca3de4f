"""What a checked draft comes to, as a person confirms it."""

from sqlalchemy import Connection

from blnk_api.drafts import merging
from blnk_api.drafts.lookalikes import customer_has_balance, near_duplicates
from blnk_api.facts.totals import LedgerTotal, Totals
from blnk_api.store import imports, row_reasons, rows
from blnk_api.store.events import EventKind, Particulars, note
from blnk_api.store.imports import Import
from blnk_api.store.states import ImportState, RowState, Stage
from blnk_api.store.transitions import move


def finish_draft(tx: Connection, looked_up: Import, told: list[str]) -> None:
    """LOOKING → CHECKED, with the totals that a person confirms, as a new version of the draft."""
    draft = imports.by_number(tx, looked_up.number)
    if draft.version != looked_up.version:
        return
    not_checked = draft.totals.not_checked or tuple(told)
    imports.move_stage(
        tx,
        draft.number,
        from_=[Stage.LOOKING],
        to=Stage.CHECKED,
        problem=None,
        look_again=None,
        totals=draft_totals(tx, draft).model_copy(update={"not_checked": not_checked}),
        version=draft.version + 1,
    )


def draft_totals(tx: Connection, draft: Import) -> Totals:
    """What a checked draft comes to, as its rows stand now."""
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


def create_resembling_too(tx: Connection, draft: Import, *, who: str) -> int:
    """A person says that rows which look like balances made before are to be created all the same.

    LEFT_OUT → READY, an event, and a new version of the draft. How many rows it was.
    """
    if draft.state is not ImportState.DRAFT or draft.stage is not Stage.CHECKED:
        return 0
    ids = row_reasons.ids_with(tx, draft.number, RowState.LEFT_OUT, near_duplicates.KIND)
    moved = move(tx, ids, from_=RowState.LEFT_OUT, to=RowState.READY, why=None)
    if moved:
        detail = Particulars(kind=near_duplicates.KIND, rows=len(moved))
        note(tx, draft.number, who=who, what=EventKind.ACCEPTED, detail=detail)
        totals = draft_totals(tx, imports.by_number(tx, draft.number))
        imports.set_facts(tx, draft.number, totals=totals, version=draft.version + 1)
    return len(moved)
