"""An import whose balances are created by hand, to be verified."""

import asyncio

import pytest
from sqlalchemy import update

from blnk_api.facts.findings import Findings
from blnk_api.lookup.balances_of_import import BalancesOfImport
from blnk_api.lookup.looker import Looker
from blnk_api.sending.verification.verify import verify
from blnk_api.settings import Instance
from blnk_api.store import Store, import_changes, imports, tables
from blnk_api.store.async_store import AsyncStore
from blnk_api.store.imports import Import
from blnk_api.store.states import ImportState
from tests.support.importer import LEDGER, make_draft, requests_for
from tests.support.lookup import Asked
from tests.support.practice import PracticeBlnk
from tests.support.store import claim, created, record, rows_of, set_columns

SETTLE_SECONDS = 0.2


class Verified:
    """An import whose rows are balances in Practice that were created by hand."""

    def __init__(self, store: Store, blnk: PracticeBlnk, n: int) -> None:
        self.store, self.blnk = store, blnk
        self.instance = Instance(blnk.url, blnk.instance_id, "sandbox")
        self.import_ = self.make(n)
        self.asked = Asked(blnk)
        self.few_lists = 10

    def make(self, n: int, *, currency: str = "NGN") -> Import:
        made = make_draft(self.store, self.instance, requests_for(n, currency=currency))
        with self.store.write() as tx:
            set_columns(tx, made, state=ImportState.RUNNING)
        claimed = claim(self.store, made)
        ids = [self.balance(made, at) for at in range(n)]
        answers = [created(claimed, row, id) for row, id in zip(claimed.tries, ids, strict=True)]
        record(self.store, made, *answers)
        with self.store.write() as tx:
            import_changes.set_facts(tx, made.number, created_from="2020-01-01T00:00:00Z")
            return imports.by_number(tx, made.number)

    def balance(self, of: Import, at: int) -> str:
        row = rows_of(self.store, of)[at]
        stamps = {"import_ref": row.ref, "import_id": of.id}
        made = self.blnk.create_balance(ledger_id=LEDGER, currency="NGN", meta_data=stamps)
        return str(made["balance_id"])

    def set_row(self, at: int, *, of: Import | None = None, **values: object) -> None:
        row = rows_of(self.store, of or self.import_)[at].id
        with self.store.write() as tx:
            tx.execute(update(tables.rows).where(tables.rows.c.id == row).values(**values))

    def verify(self) -> Findings:
        async def run() -> Findings:
            thread = AsyncStore(self.store)
            looker = Looker(self.asked, self.blnk.instance_id)
            try:
                return await verify(
                    thread,
                    looker,
                    self.import_,
                    settle_seconds=SETTLE_SECONDS,
                    few_lists=self.few_lists,
                )
            finally:
                thread.close()

        return asyncio.run(run())


@pytest.fixture(params=["by lists", "by a walk"])
def five(
    request: pytest.FixtureRequest,
    store: Store,
    practice_blnk: PracticeBlnk,
    monkeypatch: pytest.MonkeyPatch,
) -> Verified:
    made = Verified(store, practice_blnk, 5)
    if request.param == "by a walk":
        made.few_lists = 0
        monkeypatch.setattr(BalancesOfImport, "_lists_are_cheaper", lambda *_: False)
    return made
