"""Whose balance a look-up found for a row whose answer was lost, unclear, or a 409."""

from collections.abc import Mapping, Sequence

import orjson
from sqlalchemy import Connection

from blnk_api.errors import AccessDenied, ReadFailed
from blnk_api.lookup.looker import Looker
from blnk_api.lookup.verdict import judge
from blnk_api.models import Balance
from blnk_api.store.async_store import AsyncStore
from blnk_api.store.sending import rows_in_doubt
from blnk_api.store.sending.rows_in_doubt import UnknownRow
from blnk_api.store.states import RowState


def were_found(
    tx: Connection, import_id: str, rows: Sequence[UnknownRow], found: Mapping[str, Sequence[Balance]]
) -> None:
    """Records all rows that one look-up found in one transaction, because each commit waits for the disk."""
    for row in rows:
        was_found(tx, import_id, row, found[row.ref])


def was_found(tx: Connection, import_id: str, row: UnknownRow, found: Sequence[Balance]) -> None:
    """The row becomes Created if the balance is its own, and Already exists if another import created a
    balance that matches it."""
    body = rows_in_doubt.body_of(tx, row)
    verdict = judge(body or b"{}", import_id, found)
    match verdict.to:
        case RowState.CREATED:
            message = "The answer was lost. The balance was found in Blnk."
            rows_in_doubt.was_found(tx, row, RowState.CREATED, verdict.balance_id, message=message)
        case RowState.EXISTS:
            message = "Found in Blnk: another import created this balance."
            rows_in_doubt.was_found(tx, row, RowState.EXISTS, verdict.balance_id, message=message)
        case _ if row.conflict:
            rows_in_doubt.was_taken(tx, row, why=verdict.message)
        case _:
            rows_in_doubt.wait_for_person(tx, [row.id], message=verdict.message)


async def taken(store: AsyncStore, looker: Looker, rows: Sequence[UnknownRow]) -> dict[int, str]:
    """For rows answered with a 409: which balance has their indicator, in words, if Blnk shows one."""
    bodies = {row.id: await store.read(rows_in_doubt.body_of, row) for row in rows}
    refs = {row.id: row.ref for row in rows}
    holders = await _holders(looker, {row: body for row, body in bodies.items() if body is not None})
    return {
        row: f"{holder.balance_id} has this indicator."
        for row, holder in holders.items()
        if holder.import_ref != refs[row]
    }


async def _holders(looker: Looker, bodies: dict[int, bytes]) -> dict[int, Balance]:
    """The balance that has the indicator and currency of a row, by row.

    Blnk keeps the two together unique and fixed: while another balance has them, this row's cannot exist,
    however much a read lags. Nothing is concluded if this version of Core does not support the request.
    """
    asked = {row: orjson.loads(body) for row, body in bodies.items()}
    indicators = sorted({one["indicator"] for one in asked.values() if one.get("indicator")})
    if not indicators:
        return {}
    try:
        asked_for = looker.with_values("indicator", indicators, ours_only=False)
        held = [one async for part in asked_for for one in part]
    except AccessDenied:
        raise
    except ReadFailed:
        return {}
    by_name = {(one.indicator, one.currency): one for one in held if one.indicator}
    return {
        row: by_name[key]
        for row, body in asked.items()
        if (key := (body.get("indicator"), body["currency"])) in by_name
    }
