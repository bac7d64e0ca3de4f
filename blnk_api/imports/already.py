"""Rows whose customer has a balance in the same ledger and currency already: told, and sent all the same.

A second one may be meant, and a content address cannot know: a person leaves such rows out, or does not.
"""

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, literal_column, update

from blnk_api import wire
from blnk_api.imports import refs
from blnk_api.imports.journal import reasons
from blnk_api.imports.journal.bulk import given, run_at_once
from blnk_api.imports.journal.ready import Ready
from blnk_api.imports.journal.schema import is_one_of
from blnk_api.imports.journal.schema import rows as table
from blnk_api.imports.journal.states import RowState
from blnk_api.imports.looking import Looker
from blnk_api.models import Balance

KIND = "has_balance"
MOST_ROWS = 5_000
"""New rows beyond this number are not compared: they are customers by the thousand, and each list of 99
costs a look."""


async def find_already(looker: Looker, new: Sequence[Ready]) -> dict[int, Balance]:
    """The oldest balance that a row's customer has where the row would make one, by row.

    Raises from the errors tree when Blnk does not answer.
    """
    asked = {row.id: orjson.loads(row.body) for row in new}
    hashes = {row.id: parsed.hash for row in new if (parsed := refs.parse_ref(row.ref))}
    identities = list(dict.fromkeys(one for body in asked.values() if (one := body.get("identity_id"))))
    held: dict[tuple[str, str, str | None], list[Balance]] = {}
    for start in range(0, len(identities), wire.REFS_PER_LOOK):
        part = identities[start : start + wire.REFS_PER_LOOK]
        for balance in await looker.with_values("identity_id", part, ours_only=False):
            held.setdefault(_place(balance.model_dump()), []).append(balance)
    found = {}
    for id, body in asked.items():
        others = [one for one in held.get(_place(body), []) if not _is_this(one, hashes.get(id))]
        if body.get("identity_id") and others:
            found[id] = min(others, key=lambda one: one.created_at)
    return found


def _place(told: dict[str, Any]) -> tuple[str, str, str | None]:
    return told["ledger_id"], told["currency"], told.get("identity_id")


def _is_this(balance: Balance, content: str | None) -> bool:
    """A balance of the row's own content: its twin in the file has made it, and says so itself."""
    made = refs.parse_ref(balance.import_ref or "")
    return made is not None and made.hash == content


_TOLD = given("told", at_row=table.c.id, message=table.c.message)
_TELL = (
    update(table)
    .where(table.c.id == _TOLD.c.at_row, is_one_of(table, [RowState.READY]))
    .values(why=literal_column(f"'{KIND}'"), message=_TOLD.c.message)
)


def tell(tx: Connection, found: dict[int, Balance]) -> None:
    """Writes beside the rows which balance their customer has."""
    run_at_once(tx, _TELL, [(id, _say(balance)) for id, balance in found.items()])


def _say(balance: Balance) -> str:
    return (
        f"This customer already has a {balance.currency} balance in this ledger: {balance.balance_id}, "
        f"of {balance.created_at[:10]}."
    )


def numbers(tx: Connection, import_: int) -> list[int]:
    """The records of a draft that were told so and would be sent."""
    return reasons.numbers_with(tx, import_, RowState.READY, KIND)
