"""The new state of a row whose ref was found in Blnk before it was sent."""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from blnk_api.blnk import answer_meaning
from blnk_api.lookup.looker import sortable
from blnk_api.models import IMPORT_ID, Balance
from blnk_api.store.states import RowState
from blnk_api.wording import phrases


@dataclass(frozen=True, slots=True)
class Verdict:
    """The new state of a row whose ref was found in Blnk before it was sent."""

    to: RowState
    balance_id: str
    message: str


def judge(body: bytes, import_id: str, found: Sequence[Balance]) -> Verdict:
    """A balance with our own import's id is ours, created before a restart. Any other must match the row."""
    ours = [one for one in found if one.meta_data.get(IMPORT_ID) == import_id]
    first = min(ours or found, key=lambda one: sortable(one.created_at))
    sent = orjson.loads(body)
    if ours:
        return Verdict(RowState.CREATED, first.balance_id, "Found in Blnk.")
    different = answer_meaning.differences(sent, first, unsaid=answer_meaning.FILTERS_DO_NOT_SAY)
    if different:
        return Verdict(
            RowState.INVALID,
            first.balance_id,
            f"Exists as {first.balance_id}, but differs: {'; '.join(different)}. Nothing was sent.",
        )
    day = phrases.blnk_day(first.created_at)
    return Verdict(RowState.EXISTS, first.balance_id, f"Created on {day}. Nothing was sent.")
