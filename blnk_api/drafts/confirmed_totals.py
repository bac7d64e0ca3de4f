"""What a checked draft comes to, as a person confirms it."""

from typing import Any

import orjson
from sqlalchemy import Connection

from blnk_api.drafts import merging
from blnk_api.drafts.lookalikes import customer_has_balance, near_duplicates
from blnk_api.store import imports, row_reasons, rows
from blnk_api.store.imports import Import
from blnk_api.store.states import ImportState, RowState, Stage
from blnk_api.store.transitions import move, note


def finish_draft(tx: Connection, looked_up: Import, told: list[str]) -> None:
    """LOOKING → CHECKED, with the totals that a person confirms, as a new version of the draft."""
    draft = imports.by_number(tx, looked_up.number)
    if draft.version != looked_up.version:
        return
    totals = draft_totals(tx, draft) | {"not_checked": draft.totals.get("not_checked") or told}
    imports.move_stage(
        tx,
        draft.number,
        from_=[Stage.LOOKING],
        to=Stage.CHECKED,
        problem=None,
        look_again=None,
        totals=orjson.dumps(totals).decode(),
        version=draft.version + 1,
    )


def draft_totals(tx: Connection, draft: Import) -> dict[str, Any]:
    """What a checked draft comes to, as its rows stand now."""
    counts = draft.counts
    names = draft.totals.get("ledger_names", {})
    by_ledger = [
        {
            "ledger_id": one.ledger_id,
            "name": names.get(one.ledger_id, ""),
            "currency": one.currency,
            "n": one.n,
        }
        for one in rows.totals(tx, draft.number, [RowState.READY])
    ]
    return {
        **draft.totals,
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


def create_resembling_too(tx: Connection, draft: Import, *, who: str) -> int:
    """A person says that rows which look like balances made before are to be created all the same.

    LEFT_OUT → READY, an event, and a new version of the draft. How many rows it was.
    """
    if draft.state is not ImportState.DRAFT or draft.stage is not Stage.CHECKED:
        return 0
    ids = row_reasons.ids_with(tx, draft.number, RowState.LEFT_OUT, near_duplicates.KIND)
    moved = move(tx, ids, from_=RowState.LEFT_OUT, to=RowState.READY, why=None)
    if moved:
        note(tx, draft.number, who=who, what="accepted", kind=near_duplicates.KIND, rows=len(moved))
        totals = draft_totals(tx, imports.by_number(tx, draft.number))
        imports.set_facts(tx, draft.number, totals=totals, version=draft.version + 1)
    return len(moved)
