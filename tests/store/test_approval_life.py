"""Random acts of four people: no row is sent in a form that someone who did not prepare it has not
approved."""

import hashlib
import time
from collections import defaultdict
from contextlib import suppress

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select, update

from blnk_api.access.actors import Actor
from blnk_api.access.approval_rule import ApprovalRule
from blnk_api.review import actions, approving
from blnk_api.review.actions import NotPossible
from blnk_api.settings import Instance
from blnk_api.store import Store, events, import_acts, import_changes, imports, tables, transitions
from blnk_api.store.approvals import ended_without_approval, new_request, requests
from blnk_api.store.approvals.need import must_carry_one
from blnk_api.store.approvals.requests import Request
from blnk_api.store.events import EventKind
from blnk_api.store.imports import Import
from blnk_api.store.people import edits
from blnk_api.store.sending import attempts, claims
from blnk_api.store.sending.ready_rows import ready_rows
from blnk_api.store.states import ImportState, PausedBy, RowState
from tests.support.approval import ADA, GRACE, LIN, OMAR
from tests.support.examples import most
from tests.support.importer import make_draft, requests_for
from tests.support.store import result

PEOPLE = (ADA, GRACE, LIN, OMAR)
RULE = ApprovalRule(1, 1, 7, "set")
NUMBERS = st.integers(0, 3)
WHO = st.sampled_from(PEOPLE)
IMPORTS = 1


class FourPeople(RuleBasedStateMachine):
    """Everybody may do everything, so that only the approvals hold anyone back. `approved` is what this test
    knows by itself: which body of which row somebody approved who had no hand in the import."""

    store: Store

    @initialize()
    def begin(self) -> None:
        instance = Instance("https://blnk.example", f"ins_{time.time_ns()}", "sandbox")
        self.hands: dict[int, set[str]] = defaultdict(set)
        self.shown: dict[int, dict[int, bytes]] = {}
        self.approved: dict[int, dict[int, bytes]] = {}
        self.of: dict[int, int] = {}
        self.sending: list[tuple[int, claims.Claimed, int]] = []
        self.edits = 0
        self.numbers: list[int] = []
        for at in range(IMPORTS):
            who = PEOPLE[at]
            made = make_draft(self.store, instance, requests_for(3, currency=f"CU{at}"), who=who)
            self.hands[made.number].add(who.name)
            self.numbers.append(made.number)

    def _find(self, which: int) -> Import:
        with self.store.read() as tx:
            return imports.by_number(tx, self.numbers[which % IMPORTS])

    def _rows(self, number: int, *states: RowState) -> list[tuple[int, bytes]]:
        mine = (tables.rows.c.import_ == number, tables.rows.c.state.in_(states))
        with self.store.read() as tx:
            found = tx.execute(select(tables.rows.c.id, tables.rows.c.body).where(*mine))
            return [(id, body) for id, body in found.all()]

    def _last(self, import_: Import) -> Request | None:
        with self.store.read() as tx:
            return requests.last(tx, import_.number)

    def _end(self, import_: Import) -> None:
        """Nothing that was approved of it counts anymore."""
        for request, number in self.of.items():
            if number == import_.number:
                self.approved.pop(request, None)

    @rule(which=NUMBERS, who=WHO)
    def edit(self, which: int, who: Actor) -> None:
        import_ = self._find(which)
        if import_.state is not ImportState.DRAFT:
            return
        self.edits += 1
        row, _ = self._rows(import_.number, RowState.READY)[0]
        with self.store.write() as tx:
            tx.execute(
                update(tables.rows).where(tables.rows.c.id == row).values(body=b'{"edit":%d}' % self.edits)
            )
            edits.add(tx, import_.number, [(2, 0, "", str(self.edits))], who=who)
            events.note(tx, import_.number, who=who, what=EventKind.REPAIRED)
            import_changes.set_facts(tx, import_.number, version=import_.version + 1)
        self.hands[import_.number].add(who.name)

    @rule(which=NUMBERS)
    def change_behind_our_back(self, which: int) -> None:
        self.edits += 1
        for row, _ in self._rows(self._find(which).number, RowState.READY)[:1]:
            with self.store.write() as tx:
                forged = b'{"forged":%d}' % self.edits
                tx.execute(update(tables.rows).where(tables.rows.c.id == row).values(body=forged))

    @rule(which=NUMBERS, who=WHO)
    def hand_over_without_asking(self, which: int, who: Actor) -> None:
        import_ = self._find(which)
        if which:
            return  # once in a while: it never becomes a draft again
        with self.store.write() as tx:
            import_acts.confirm(tx, import_, who=who, version=import_.version)

    @rule(which=NUMBERS, who=WHO, then=st.none() | WHO)
    def ask(self, which: int, who: Actor, then: Actor | None) -> None:
        """Of a draft, or of the remaining rows of an import, which is paused for it; mostly someone
        decides."""
        number = self._find(which).number
        with self.store.write() as tx:
            import_acts.pause(tx, number, by=PausedBy.PERSON, who=who, reason="")
        import_ = self._find(which)
        if new_request.ask(self.store, import_, who=who, rule=RULE):
            request = self._last(import_)
            assert request is not None
            self.shown[request.id] = dict(self._rows(import_.number, RowState.READY))
            self.of[request.id] = import_.number
            self.hands[import_.number].add(who.name)
            if then is not None:
                self._approve(import_, request, then)

    @rule(which=NUMBERS, who=WHO)
    def approve(self, which: int, who: Actor) -> None:
        import_, request = self._find(which), self._last(self._find(which))
        if request is not None:
            self._approve(import_, request, who)

    def _approve(self, import_: Import, request: Request, who: Actor) -> None:
        try:
            approving.approve(self.store, import_, request.id, who=who, typed=str(request.rows))
        except NotPossible:
            return
        assert who.name not in self.hands[import_.number], "approved by who had a hand in it"
        self.approved[request.id] = self.shown[request.id]

    @rule(which=NUMBERS, who=WHO)
    def send_back(self, which: int, who: Actor) -> None:
        import_, request = self._find(which), self._last(self._find(which))
        if request is not None:
            with suppress(NotPossible):
                approving.send_back(self.store, import_, request.id, who=who, reason="No.")

    @rule(which=NUMBERS, who=WHO)
    def withdraw(self, which: int, who: Actor) -> None:
        import_, request = self._find(which), self._last(self._find(which))
        if request is not None:
            with suppress(NotPossible):
                approving.withdraw(self.store, import_, request.id, who=who)
                self.approved.pop(request.id, None)

    @rule(which=NUMBERS, is_restored=st.booleans())
    def approvals_end(self, which: int, is_restored: bool) -> None:
        """By a restore, or because days pass."""
        import_ = self._find(which)
        self._end(import_)
        with self.store.write() as tx:
            if is_restored:
                ended_without_approval.void_all(tx, who=ADA, reason="Restored.")
                return
            past = update(tables.approvals).where(tables.approvals.c.import_ == import_.number)
            tx.execute(past.values(lapses_at=time.time() - 1))
            for request in requests.waiting(tx, lapse_before=time.time()):
                ended_without_approval.lapse(tx, request, who=ADA, reason="Late.", now=time.time())

    @rule(which=NUMBERS, who=WHO, pauses=st.booleans())
    def pause_or_resume(self, which: int, who: Actor, pauses: bool) -> None:
        number = self._find(which).number
        with self.store.write() as tx:
            if pauses:
                import_acts.pause(tx, number, by=PausedBy.PERSON, who=who, reason="")
            else:
                import_acts.resume(tx, number, who=who)

    @rule(which=NUMBERS)
    def claim(self, which: int) -> None:
        """As the sender does, and the one thing that must hold."""
        import_ = self._find(which)
        with self.store.write() as tx:
            if import_.state is ImportState.QUEUED:
                run = ImportState.RUNNING
                transitions.move_import(tx, import_.number, from_=[ImportState.QUEUED], to=run)
            elif import_.state is not ImportState.RUNNING:
                return
            bodies = {row.id: row.body for row in ready_rows(tx, import_.number, after=0, limit=9)}
            assert must_carry_one(RULE, import_)
            claimed = claims.claim_approved(tx, import_.number, bodies)
        for row in claimed.tries:
            covers = [shown for shown in self.approved.values() if shown.get(row) == bodies[row]]
            assert covers, f"row {row} leaves unapproved"
            self.sending.append((import_.number, claimed, row))

    @rule(which=NUMBERS)
    def claim_what_is_left(self, which: int) -> None:
        """Twice as often as anything that people do, and whatever they do."""
        with self.store.write() as tx:
            import_acts.resume(tx, self._find(which).number, who=ADA)
        self.claim(which)

    @precondition(lambda self: self.sending)
    @rule(to=st.sampled_from([RowState.UNKNOWN, RowState.READY]))
    def answer(self, to: RowState) -> None:
        number, claimed, row = self.sending.pop()
        with self.store.write() as tx:
            attempts.record(tx, number, [result(claimed, row, to)])

    @rule(which=NUMBERS, who=WHO)
    def send_again(self, which: int, who: Actor) -> None:
        import_ = self._find(which)
        for row, body in self._rows(import_.number, RowState.UNKNOWN)[:1]:
            with suppress(NotPossible):
                actions.send_again(self.store, row, who=who)
                assert who.name not in self.hands[import_.number]
                # What an approver sends again was approved before, in this form, by someone.
                if any(shown.get(row) == body for shown in self.shown.values()):
                    self.approved[-row] = {row: body}
                    self.of[-row] = import_.number


def test_whatever_four_people_do_nothing_leaves_without_anothers_approval(store: Store) -> None:
    machine = type("Here", (FourPeople,), {"store": store})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=most(100 if store.is_sqlite else 15),
            stateful_step_count=40,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_both_databases_hash_alike(store: Store) -> None:
    with store.read() as tx:
        made = tx.exec_driver_sql(
            "SELECT sha256(x'7b7d')" if store.is_sqlite else "SELECT sha256('{}'::bytea)"
        ).scalar_one()
    assert bytes(made) == hashlib.sha256(b"{}").digest()
