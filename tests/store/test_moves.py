"""Rows and imports move only along their tables of moves, only from where they are, and are counted truly."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from blnk_api.settings import Instance
from blnk_api.store import Store, import_acts, import_changes, imports, rows, tables, transitions
from blnk_api.store.imports import Import
from blnk_api.store.sending import attempts, claims, recovery, rows_in_doubt
from blnk_api.store.sending.claims import Claimed
from blnk_api.store.states import HELD, IMPORT_MOVES, MOVES, ImportState, PausedBy, RowState, Stage
from blnk_api.store.transitions import NoSuchMove
from tests.support.actors import actor
from tests.support.examples import most
from tests.support.importer import make_draft, requests_for
from tests.support.store import (
    ELSEWHERE,
    created,
    draft,
    events_of,
    ids_of,
    result,
    rows_of,
    running,
    states_of,
    tries_of,
)

R, S, C, U = RowState.READY, RowState.SENDING, RowState.CREATED, RowState.UNKNOWN
L, E, F, V = RowState.LEFT_OUT, RowState.EXISTS, RowState.REFUSED, RowState.INVALID
X = RowState.SUPERSEDED


def test_rows_have_these_moves_and_no_others() -> None:
    """The arrows of a row's life: above all, nothing leads from CREATED to READY."""
    assert {
        (V, R), (R, V), (R, L), (L, R), (R, E), (E, R),
        (R, S), (S, C), (S, F), (S, R), (S, U), (F, R),
        (U, C), (U, E), (U, R), (U, F), (R, C), (F, C), (C, U),
        (V, X), (F, X), (X, V), (X, F), (X, C),
    } == MOVES  # fmt: skip


@pytest.mark.parametrize(("from_", "to"), sorted(set(product(RowState, RowState)) - MOVES))
def test_a_move_that_is_not_in_the_table_does_not_happen(from_: RowState, to: RowState) -> None:
    with pytest.raises(NoSuchMove):
        transitions.require_move(from_, to)


def test_an_import_does_not_move_against_its_table(store: Store) -> None:
    made = draft(store, 0)
    for from_, to in set(product(ImportState, ImportState)) - IMPORT_MOVES:
        with pytest.raises(NoSuchMove), store.write() as tx:
            transitions.move_import(tx, made.number, from_=[from_], to=to)


def test_a_move_says_which_rows_made_it(store: Store) -> None:
    made, other = running(store, 3), running(store, 1, instance=ELSEWHERE)
    a, b, c = ids_of(store, made)
    with store.write() as tx:
        assert transitions.move(tx, [a], from_=R, to=L) == [a]
    with store.write() as tx:
        moved = transitions.move(tx, [a, b, c, 10**9], from_=R, to=L, message="not this one")
    assert sorted(moved) == [b, c]
    assert [row.message for row in rows_of(store, made)] == [None, "not this one", "not this one"]
    assert states_of(store, other) == [R]


def test_only_the_claim_that_holds_a_row_moves_it(store: Store) -> None:
    made = running(store, 1)
    with store.write() as tx:
        claimed = claims.claim(tx, made.number, tries_of(store, made))
        (row,) = claimed.tries
        assert transitions.move(tx, [row], from_=S, to=U, claim="another") == []
        assert transitions.move(tx, [row], from_=S, to=U, claim=claimed.token) == [row]


def test_of_two_moves_of_one_row_at_once_one_happens(store: Store) -> None:
    made = running(store, 20)
    ids = ids_of(store, made)

    def leave_out_or_send(at: int) -> tuple[RowState, list[int]]:
        with store.write() as tx:
            if at % 2:
                return S, list(claims.claim(tx, made.number, dict.fromkeys(ids, 0)).tries)
            return L, transitions.move(tx, ids, from_=R, to=L)

    with ThreadPoolExecutor(max_workers=4) as pool:
        won = {(to, row) for to, moved in pool.map(leave_out_or_send, range(8)) for row in moved}
    assert sorted(row for _, row in won) == ids
    assert {row.id: row.state for row in rows_of(store, made)} == {row: to for to, row in won}


def test_two_rows_of_one_balance_counted_at_once_are_both_counted(store: Store) -> None:
    made = running(store, 40)
    ids = ids_of(store, made)

    def leave_out(row: int) -> None:
        with store.write() as tx:
            transitions.move(tx, [row], from_=R, to=L)

    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(leave_out, ids))
    with store.read() as tx:
        assert transitions.counts_of(tx, made.number) == {L: 40}


class Life(RuleBasedStateMachine):
    """Drives one instance's rows through everything that the sender, looks and people do to them.

    Three imports of the same four balances contend for their refs. Answers may come at any time, or never,
    or twice; ids come from few, so that Blnk seems to answer with another row's balance.
    """

    store: Store
    rounds = 0

    @initialize()
    def begin(self) -> None:
        type(self).rounds += 1
        instance = Instance("https://blnk.example", f"ins_{self.rounds}_{time.time_ns()}", "sandbox")
        self.imports: list[Import] = []
        self.claims: list[tuple[int, Claimed, int]] = []
        self.was: dict[int, RowState] = {}
        for _ in range(3):
            made = make_draft(self.store, instance, requests_for(4))
            with self.store.write() as tx:
                import_acts.confirm(tx, made, who=actor(), version=1)
                transitions.move_import(tx, made.number, from_=[ImportState.QUEUED], to=ImportState.RUNNING)
            self.imports.append(made)

    def _rows(self) -> list[rows.StoredRow]:
        with self.store.read() as tx:
            return [row for made in self.imports for row in rows.page(tx, made.number)]

    @rule(which=st.integers(0, 2), some=st.sets(st.integers(0, 3), min_size=1))
    def claim(self, which: int, some: set[int]) -> None:
        made = self.imports[which]
        with self.store.write() as tx:
            page = rows.page(tx, made.number)
            claimed = claims.claim(tx, made.number, {page[at].id: page[at].tries for at in some})
        self.claims += [(made.number, claimed, row) for row in claimed.tries]

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), to=st.sampled_from([C, F, R, U]), balance=st.integers(1, 8), twice=st.booleans())
    def answer(self, data: st.DataObject, to: RowState, balance: int, twice: bool) -> None:
        at = data.draw(st.integers(0, len(self.claims) - 1))
        number, claimed, row = self.claims[at] if twice else self.claims.pop(at)
        error = 500 if to is U else None
        told = (
            created(claimed, row, f"bln_{balance}")
            if to is C
            else result(claimed, row, to, server_error=error)
        )
        with self.store.write() as tx:
            attempts.record(tx, number, [told._replace(to=to)])

    @rule(data=st.data())
    def miss(self, data: st.DataObject) -> None:
        """A verification does not find a balance."""
        here = [row for row in self._rows() if row.state is C]
        if here:
            row = data.draw(st.sampled_from(here))
            with self.store.write() as tx:
                transitions.move(tx, [row.id], from_=C, to=U, waits_for_person=True)
            self.was[row.id] = U

    @rule()
    def crash(self) -> None:
        with self.store.write() as tx:
            recovery.recover(tx)

    @rule(data=st.data(), found=st.sampled_from([C, E, None]), balance=st.integers(11, 10**9))
    def look(self, data: st.DataObject, found: RowState | None, balance: int) -> None:
        with self.store.write() as tx:
            waiting = rows_in_doubt.unknown_rows(tx, [made.number for made in self.imports])
            if waiting:
                row = data.draw(st.sampled_from(waiting))
                if found is not None:
                    rows_in_doubt.was_found(tx, row, found, f"bln_{balance}", message="found")
                else:
                    rows_in_doubt.was_absent(tx, row, same_server_errors=3)

    @rule(data=st.data(), move=st.sampled_from([(R, L), (L, R), (R, V), (V, R), (R, E), (E, R), (F, R)]))
    def person(self, data: st.DataObject, move: tuple[RowState, RowState]) -> None:
        from_, to = move
        here = [row for row in self._rows() if row.state is from_]
        if here:
            row = data.draw(st.sampled_from(here))
            with self.store.write() as tx:
                assert transitions.move(tx, [row.id], from_=from_, to=to) == [row.id]

    @invariant()
    def is_true(self) -> None:
        numbers = [made.number for made in self.imports]
        columns, counts = tables.rows.c, tables.counts.c
        with self.store.read() as tx:
            held = tx.execute(
                select(columns.id, columns.import_, columns.state, columns.ref, columns.balance_id).where(
                    columns.import_.in_(numbers)
                )
            ).all()
            counted = tx.execute(
                select(counts.import_, counts.state, counts.n).where(
                    counts.import_.in_(numbers), counts.n != 0
                )
            ).all()
        real = Counter((row.import_, row.state) for row in held)
        assert {(number, state): n for number, state, n in counted} == real, (
            "counts are those of a real count"
        )
        refs = [row.ref for row in held if row.state in HELD]
        assert len(refs) == len(set(refs)), "one row holds a ref"
        balances = [row.balance_id for row in held if row.state == C]
        assert None not in balances
        assert len(balances) == len(set(balances)), "one row has a balance"
        now = {row.id: RowState(row.state) for row in held}
        gone = [row for row, was in self.was.items() if was is C and now[row] is not C]
        assert not gone, "what was created stays created"
        self.was = now


def test_whatever_happens_to_rows_the_store_stays_true(store: Store) -> None:
    run_state_machine_as_test(
        type("LifeHere", (Life,), {"store": store}),
        settings=settings(
            max_examples=most(30 if store.is_sqlite else 12),
            stateful_step_count=40,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_a_draft_that_changed_since_it_was_shown_is_not_sent(store: Store) -> None:
    made = draft(store, 1)
    with store.write() as tx:
        import_changes.set_facts(tx, made.number, version=made.version + 1)
        assert not import_acts.confirm(tx, made, who=actor(), version=made.version)
        assert import_acts.confirm(tx, made, who=actor(), version=made.version + 1)
        assert not import_acts.confirm(tx, made, who=actor(), version=made.version + 1)
    assert [what for what, _ in events_of(store, made)].count("confirmed") == 1


def test_a_draft_that_is_not_checked_yet_is_not_sent(store: Store) -> None:
    made = draft(store, 1)
    with store.write() as tx:
        assert not import_acts.confirm(
            tx, replace(made, stage=Stage.CHECKING), who=actor(), version=made.version
        )


def test_two_people_confirm_once(store: Store) -> None:
    made = draft(store, 1)

    def confirm(who: str) -> bool:
        with store.write() as tx:
            return import_acts.confirm(tx, made, who=actor(who), version=made.version)

    with ThreadPoolExecutor() as pool:
        assert sorted(pool.map(confirm, ["Ada", "Bob", "Eve"])) == [False, False, True]


def _pause(store: Store, import_: Import, by: PausedBy) -> bool:
    with store.write() as tx:
        return import_acts.pause(tx, import_.number, by=by, who=actor("x"), reason=by.value)


def _author(store: Store, import_: Import) -> PausedBy | None:
    with store.read() as tx:
        return imports.by_number(tx, import_.number).paused_by


def test_a_persons_pause_replaces_an_automatic_one(store: Store) -> None:
    made = running(store, 1)
    assert _pause(store, made, PausedBy.BREAKER)
    assert _pause(store, made, PausedBy.PERSON)
    assert _author(store, made) is PausedBy.PERSON


def test_an_automatic_pause_never_replaces_a_persons(store: Store) -> None:
    made = running(store, 1)
    assert _pause(store, made, PausedBy.PERSON)
    assert not _pause(store, made, PausedBy.BREAKER)
    assert _author(store, made) is PausedBy.PERSON


def test_only_the_breakers_own_pause_ends_automatically(store: Store) -> None:
    made = running(store, 1)
    _pause(store, made, PausedBy.BREAKER)
    _pause(store, made, PausedBy.PERSON)
    with store.write() as tx:
        assert not import_acts.resume(tx, made.number, who=actor("the sender"), only=PausedBy.BREAKER)
        assert import_acts.resume(tx, made.number, who=actor())
    assert _author(store, made) is None
    _pause(store, made, PausedBy.BREAKER)
    with store.write() as tx:
        assert import_acts.resume(tx, made.number, who=actor("the sender"), only=PausedBy.BREAKER)


def test_a_canceled_import_stays_canceled(store: Store) -> None:
    made = running(store, 1)
    with store.write() as tx:
        assert import_acts.cancel(tx, made.number, who=actor())
        assert not import_acts.resume(tx, made.number, who=actor())
        assert not import_acts.pause(tx, made.number, by=PausedBy.PERSON, who=actor(), reason="")
        assert not import_acts.cancel(tx, made.number, who=actor())


def test_an_import_whose_instance_is_gone_says_so(store: Store) -> None:
    made, other = running(store, 1), running(store, 1, instance=ELSEWHERE)
    with store.write() as tx:
        import_acts.pause_strays(tx, {ELSEWHERE})
    with store.read() as tx:
        stray = imports.by_number(tx, made.number)
        assert imports.by_number(tx, other.number).state is ImportState.RUNNING
    assert stray.paused_by is PausedBy.CONNECTION
    assert stray.paused_reason is not None
    assert "ins_1" in stray.paused_reason
