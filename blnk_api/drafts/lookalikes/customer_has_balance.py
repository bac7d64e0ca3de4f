"""Notes rows whose customer already has a balance in the same ledger and currency. They are sent anyway.

A second balance may be intended, and the ref cannot tell: a person decides whether to skip such rows.
"""

from collections.abc import Mapping

from sqlalchemy import Connection, literal_column, update

from blnk_api.drafts.lookalikes.candidates import ExistingBalance
from blnk_api.store.bulk import given, run_at_once
from blnk_api.store.search import row_reasons
from blnk_api.store.states import RowState
from blnk_api.store.tables import is_one_of
from blnk_api.store.tables import rows as table
from blnk_api.wording import phrases

KIND = "has_balance"

_NOTED = given("noted", at_row=table.c.id, message=table.c.message)
_ADD_NOTE = (
    update(table)
    .where(table.c.id == _NOTED.c.at_row, is_one_of(table, [RowState.READY]))
    .values(why=literal_column(f"'{KIND}'"), message=_NOTED.c.message)
)


def add_notes(tx: Connection, found: Mapping[int, ExistingBalance]) -> None:
    """Stores with each row which balance its customer has."""
    run_at_once(tx, _ADD_NOTE, [(id, _sentence(balance)) for id, balance in found.items()])


def _sentence(balance: ExistingBalance) -> str:
    return (
        f"This identity already has a {balance.currency} balance in this ledger: {balance.balance_id}, "
        f"created on {phrases.blnk_day(balance.created_at)}."
    )


def numbers(tx: Connection, import_: int) -> list[int]:
    """The records of a draft that have this note and would be sent."""
    return row_reasons.numbers_with(tx, import_, RowState.READY, KIND)
