"""What a second person does in a round: approves requests, sends some of them back, and withdraws one
approval during sending."""

import hashlib
import random

from sqlalchemy import select

from blnk_api.access.approval_rule import ApprovalRule
from blnk_api.review import approving
from blnk_api.review.approving import NotDecided
from blnk_api.store import Store, imports, tables
from blnk_api.store.approvals import need, new_request, requests
from blnk_api.store.approvals.requests import RequestState
from blnk_api.store.imports import Import
from blnk_api.store.states import ImportState, RowState
from tests.bench.trial_plan import Plan
from tests.support.approval import ADA, GRACE

_RULE = ApprovalRule(from_count=1, why="set")
_SENT_BACK = 0.3
_WITHDRAWN = 0.05
"""At each look at an import that is being sent, until it has happened once."""


class TwoPeople:
    """Ada asks, Grace decides. Their choices come from the seed of the plan."""

    def __init__(self, plan: Plan, store: Store) -> None:
        self._store = store
        self._chance = random.Random(plan.seed)
        self._left = {"sent back": 1, "withdrawn": 1}

    def ask(self, import_: Import) -> None:
        """For a checked draft. What prevents the request is met again by `tend`."""
        new_request.ask(self._store, import_, who=ADA, rule=_RULE)

    def tend(self, import_: Import) -> None:
        """One look at an import. What changed meanwhile is looked at again."""
        if import_.state is ImportState.DRAFT or need.lacks_one(import_):
            self.ask(import_)
        elif import_.state is ImportState.WAITING:
            self._decide(import_)
        elif import_.state is ImportState.RUNNING and import_.counts.get(RowState.CREATED):
            self._withdraw(import_)

    def _decide(self, import_: Import) -> None:
        with self._store.read() as tx:
            request = requests.last(tx, import_.number)
        if request is None or request.state is not RequestState.ASKED:
            return
        try:
            if self._happens("sent back", _SENT_BACK):
                approving.send_back(self._store, import_, request.id, who=GRACE, reason="Once more.")
            else:
                approving.approve(self._store, import_, request.id, who=GRACE, typed=str(request.rows))
        except NotDecided:
            return  # it ended at this very moment

    def _withdraw(self, import_: Import) -> None:
        with self._store.read() as tx:
            request = requests.last(tx, import_.number)
        if request is not None and self._happens("withdrawn", _WITHDRAWN):
            try:
                approving.withdraw(self._store, import_, request.id, who=ADA)
            except NotDecided:
                self._left["withdrawn"] += 1

    def _happens(self, what: str, often: float) -> bool:
        happens = self._left[what] > 0 and self._chance.random() < often
        self._left[what] -= happens
        return happens


def unapproved(store: Store) -> list[str]:
    """Rows that were sent and that nobody approved as they are."""
    rows, approvals, decisions = tables.rows, tables.approvals, tables.approval_decisions
    left = (
        select(rows.c.import_, rows.c.number, rows.c.body, rows.c.approved_body, decisions.c.who_identity)
        .outerjoin(approvals, approvals.c.id == rows.c.approval)
        .outerjoin(decisions, (decisions.c.approval == approvals.c.id) & decisions.c.approves)
        .where(rows.c.id.in_(select(tables.attempts.c.row)))
    )
    with store.read() as tx:
        return [
            f"row {one.number} of {imports.by_number(tx, one.import_).id} left, and nobody approved it"
            for one in tx.execute(left).all()
            if one.who_identity is None or one.approved_body != hashlib.sha256(one.body).digest()
        ]
