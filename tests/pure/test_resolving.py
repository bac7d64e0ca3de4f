"""When a row that Blnk does not show is absent: the policy alone, on a clock of the tests' own."""

import itertools

import pytest

from blnk_api.sending.in_doubt.absence import Look, Resolver, Witness
from blnk_api.store.sending.rows_in_doubt import UnknownRow

SETTLE = 60.0
APART = 30.0
"""Request time-out: two looks that prove an absence are at least this far apart."""


def row(id: int = 1, import_: int = 1) -> UnknownRow:
    return UnknownRow(
        id=id,
        import_=import_,
        ref=f"r{id}",
        server_error=None,
        server_errors=0,
        message=None,
        balance_id=None,
    )


class Looks:
    """Looks at rows every so often, as the sender does, and says when one was found absent."""

    def __init__(self, *rows: UnknownRow) -> None:
        self.resolver = Resolver(settle_seconds=SETTLE, request_timeout_seconds=APART)
        self.rows = rows or (row(),)
        self.absent_at: dict[int, float] = {}

    def go(
        self,
        begin: float,
        end: float,
        *,
        witness_was_found: bool = True,
        alone: bool = False,
        hears: bool = True,
    ) -> None:
        """All looks from `begin` to `end`; with `hears` false none of them is answered."""
        now = begin
        while now <= end:
            for look in self.resolver.due(self.rows, now):
                for one in look.rows:
                    found = witness_was_found and look.witness is not None
                    if hears and self.resolver.absent(one, look, now, witness_was_found=found, alone=alone):
                        self.absent_at.setdefault(one.id, now)
            now += 0.25


def test_an_absence_needs_the_settle_time_and_two_separate_look_ups() -> None:
    looks = Looks()
    looks.resolver.became_unknown(1, 100.0)
    looks.resolver.created(Witness("w", 101.0))
    looks.go(100.0, 300.0)
    assert 100.0 + SETTLE + APART <= looks.absent_at[1] <= 100.0 + SETTLE + 2 * APART + 1


def test_without_a_witness_nothing_is_absent() -> None:
    looks = Looks()
    looks.resolver.became_unknown(1, 100.0)
    looks.go(100.0, 2000.0)
    assert looks.absent_at == {}


def test_a_witness_that_the_look_up_does_not_return_proves_nothing() -> None:
    """A replica that lags, or another instance: it does not hold the witness either."""
    looks = Looks()
    looks.resolver.became_unknown(1, 100.0)
    looks.resolver.created(Witness("w", 101.0))
    looks.go(100.0, 2000.0, witness_was_found=False)
    assert looks.absent_at == {}


def test_even_alone_nothing_is_absent_while_a_known_balance_is_not_shown() -> None:
    """Nothing is left to send, but a balance that we saw created is not found: then these looks lag."""
    looks = Looks()
    looks.resolver.created(Witness("w", 50.0))
    looks.resolver.became_unknown(1, 100.0)
    looks.resolver.created(Witness("w2", 101.0))
    looks.go(100.0, 2000.0, witness_was_found=False, alone=True)
    assert looks.absent_at == {}


def test_a_witness_that_left_before_the_attempt_had_ended_proves_nothing() -> None:
    looks = Looks()
    looks.resolver.created(Witness("w", 99.9))
    looks.resolver.became_unknown(1, 100.0)
    looks.go(100.0, 2000.0)
    assert looks.absent_at == {}


def test_a_witness_that_left_at_the_very_moment_when_the_attempt_ended_proves_nothing() -> None:
    looks = Looks()
    looks.resolver.became_unknown(1, 100.0)
    looks.resolver.created(Witness("w", 100.0))
    (look,) = looks.resolver.due(looks.rows, 101.0)
    assert look.witness is None
    asked_for_others = Look([*looks.rows], Witness("w", 100.0))
    for now in (200.0, 300.0):
        assert not looks.resolver.absent(row(), asked_for_others, now, witness_was_found=True, alone=False)


def test_of_two_witnesses_of_one_moment_the_last_is_looked_up() -> None:
    looks = Looks()
    looks.resolver.became_unknown(1, 100.0)
    looks.resolver.created(Witness("one", 101.0))
    looks.resolver.created(Witness("other", 101.0))
    (look,) = looks.resolver.due(looks.rows, 101.0)
    assert look.witness == Witness("other", 101.0)


def test_a_look_up_at_that_moment_counts_and_one_just_before_it_does_not() -> None:
    resolver = Resolver(settle_seconds=SETTLE, request_timeout_seconds=APART)
    one, witness = row(), Witness("w", 101.0)
    look = Look([one], witness)
    resolver.became_unknown(1, 100.0)
    resolver.created(witness)
    for now in (159.9, 160.0, 189.9):
        assert not resolver.absent(one, look, now, witness_was_found=True, alone=False)
    assert resolver.absent(one, look, 190.0, witness_was_found=True, alone=False)


def test_a_witness_proves_only_rows_that_ended_before_it_left() -> None:
    early, late = row(1), row(2)
    resolver = Resolver(settle_seconds=SETTLE, request_timeout_seconds=APART)
    resolver.became_unknown(1, 100.0)
    resolver.created(Witness("w", 150.0))
    resolver.became_unknown(2, 200.0)
    (look,) = resolver.due([early, late], 300.0)
    absent = []
    for now in (300.0, 400.0, 500.0):
        absent += [
            one for one in look.rows if resolver.absent(one, look, now, witness_was_found=True, alone=False)
        ]
    assert absent == [early, early]


def test_an_earlier_witness_does_not_replace_a_newer_one() -> None:
    """Answers come in any order; what counts is when the POST left."""
    looks = Looks()
    looks.resolver.became_unknown(1, 100.0)
    looks.resolver.created(Witness("new", 101.0))
    looks.resolver.created(Witness("old", 90.0))
    (look,) = looks.resolver.due(looks.rows, 101.0)
    assert look.witness == Witness("new", 101.0)


def test_a_row_that_failed_again_settles_again() -> None:
    looks = Looks()
    looks.resolver.became_unknown(1, 100.0)
    looks.resolver.created(Witness("w", 101.0))
    looks.go(100.0, 170.0)
    looks.resolver.became_unknown(1, 170.0)
    looks.resolver.created(Witness("w", 171.0))
    looks.go(170.0, 400.0)
    assert looks.absent_at[1] >= 170.0 + SETTLE + APART


def test_a_row_from_before_the_start_settles_from_the_first_look_up_on() -> None:
    """What a dead sender left behind may still be on its way; our clock begins when we hold the lock."""
    looks = Looks()
    looks.resolver.created(Witness("before", 99.0))
    looks.go(100.0, 150.0)
    looks.resolver.created(Witness("after", 150.0))
    looks.go(150.0, 400.0)
    assert looks.absent_at[1] >= 100.0 + SETTLE + APART


def test_unanswered_look_ups_prove_nothing() -> None:
    looks = Looks()
    looks.resolver.became_unknown(1, 100.0)
    looks.resolver.created(Witness("w", 101.0))
    looks.go(100.0, 1000.0, hears=False)
    assert looks.absent_at == {}
    looks.go(1000.0, 1200.0)
    assert looks.absent_at[1] >= 1000.0 + APART


def test_alone_a_row_waits_four_settle_times() -> None:
    looks = Looks()
    looks.resolver.became_unknown(1, 100.0)
    looks.go(100.0, 1000.0, alone=True)
    assert 100.0 + 240.0 + 30.0 <= looks.absent_at[1] <= 100.0 + 240.0 + 2 * 30.0 + 1


def test_a_row_in_doubt_is_looked_up_soon_and_then_less_and_less_often() -> None:
    looks = Looks()
    looks.resolver.became_unknown(1, 100.0)
    asked = []
    now = 100.0
    while now < 200.0:
        for look in looks.resolver.due(looks.rows, now):
            asked.append(now)
            for one in look.rows:
                looks.resolver.absent(one, look, now, witness_was_found=False, alone=False)
        now += 0.05
    assert asked[0] - 100.0 < 1.0
    assert len(asked) < 15
    assert max(later - earlier for earlier, later in itertools.pairwise(asked)) <= APART + 0.1


def test_a_list_has_room_for_its_witness_and_only_rows_of_one_import() -> None:
    """The bound on created_at is an import's own, and a page must hold the whole answer."""
    rows = [row(id, import_=1 + id % 2) for id in range(1, 400)]
    looks = Looks(*rows)
    looks.resolver.due(rows, 100.0)
    looks.resolver.created(Witness("w", 100.1))
    asked = looks.resolver.due(rows, 101.0)
    assert all(len(look.rows) + 1 <= 99 and look.witness for look in asked)
    assert all(len({one.import_ for one in look.rows}) == 1 for look in asked)
    assert sorted(one.id for look in asked for one in look.rows) == list(range(1, 400))


def test_rows_that_are_no_longer_in_doubt_are_forgotten() -> None:
    """Else a row that goes unknown again much later would seem to have settled long ago."""
    looks = Looks()
    looks.resolver.became_unknown(1, 100.0)
    looks.go(100.0, 100.0 + SETTLE)
    assert looks.resolver.due([], 200.0) == []
    looks.resolver.created(Witness("w", 500.0))
    looks.go(500.0, 500.0 + SETTLE)
    assert looks.absent_at == {}


def test_a_row_that_is_recorded_late_counts_from_the_end_of_its_attempt() -> None:
    """Else what was created meanwhile would be no witness, whose absence says that looks lag."""
    resolver = Resolver(settle_seconds=SETTLE, request_timeout_seconds=APART)
    resolver.became_unknown(1, 100.0)
    assert resolver.due([], 100.1) == []
    resolver.created(Witness("w", 100.2))
    (look,) = resolver.due([row()], 100.4)
    assert look.witness == Witness("w", 100.2)


def test_the_first_look_up_that_counts_is_invalid_after_a_row_fails_again() -> None:
    resolver = Resolver(settle_seconds=SETTLE, request_timeout_seconds=APART)
    one = row()
    witness = Witness("w", 101.0)
    resolver.became_unknown(1, 100.0)
    assert not resolver.absent(one, Look([one], witness), 170.0, witness_was_found=True, alone=False)
    assert not resolver.absent(one, Look([one], witness), 170.1, witness_was_found=True, alone=False), (
        "too near"
    )
    resolver.became_unknown(1, 171.0)
    newer = Witness("w2", 172.0)
    assert not resolver.absent(one, Look([one], newer), 240.0, witness_was_found=True, alone=False)
    assert resolver.absent(one, Look([one], newer), 270.0, witness_was_found=True, alone=False)


def test_a_look_up_without_a_witness_is_not_one_of_the_two_with_one() -> None:
    """Several rows were alone; the first went again and is now the witness of the others."""
    resolver = Resolver(settle_seconds=SETTLE, request_timeout_seconds=APART)
    one = row()
    resolver.became_unknown(1, 100.0)
    assert not resolver.absent(one, Look([one], None), 400.0, witness_was_found=False, alone=True)
    assert not resolver.absent(one, Look([one], None), 430.0, witness_was_found=False, alone=False)
    witness = Witness("the first", 431.0)
    resolver.created(witness)
    assert not resolver.absent(one, Look([one], witness), 435.0, witness_was_found=True, alone=False)
    assert resolver.absent(one, Look([one], witness), 465.0, witness_was_found=True, alone=False)


def test_two_look_ups_with_a_lagging_one_between_them_prove_nothing() -> None:
    resolver = Resolver(settle_seconds=SETTLE, request_timeout_seconds=APART)
    one, witness = row(), Witness("w", 101.0)
    resolver.became_unknown(1, 100.0)
    resolver.created(witness)
    for now, found in ((170.0, True), (200.0, False), (230.0, True)):
        assert not resolver.absent(one, Look([one], witness), now, witness_was_found=found, alone=False)
    assert resolver.absent(one, Look([one], witness), 260.0, witness_was_found=True, alone=False)


def test_alone_a_row_is_settled_at_that_moment_and_not_before() -> None:
    resolver = Resolver(settle_seconds=SETTLE, request_timeout_seconds=APART)
    one = row()
    resolver.became_unknown(1, 100.0)
    assert not resolver.absent(one, Look([one], None), 339.9, witness_was_found=False, alone=True)
    assert not resolver.absent(one, Look([one], None), 340.0, witness_was_found=False, alone=True)
    assert resolver.due([one], 369.9) == []
    (look,) = resolver.due([one], 370.0)
    assert resolver.absent(one, look, 370.0, witness_was_found=False, alone=True)


def test_the_first_look_up_is_after_three_tenths_of_a_second_and_each_pause_is_twice_the_last() -> None:
    resolver = Resolver(settle_seconds=SETTLE, request_timeout_seconds=APART)
    one = row()
    resolver.became_unknown(1, 100.0)
    asked, now = [100.0], 100.0
    while now < 170.0:
        for look in resolver.due([one], now):
            asked.append(now)
            assert not resolver.absent(one, look, now, witness_was_found=False, alone=False)
        now += 0.01
    waits = [later - earlier for earlier, later in itertools.pairwise(asked)]
    assert waits == pytest.approx([0.3, 0.6, 1.2, 2.4, 4.8, 9.6, 19.2, 30.0], abs=0.03)
