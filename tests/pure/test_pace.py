"""How fast rows are sent, on a clock of the tests' own: close to the cap and never above it, slower on
demand."""

import random
from bisect import bisect_left
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blnk_api.blnk.circuit_breaker import Breaker, Circuit
from blnk_api.blnk.pacing import Pace

CAPS = (1, 2, 3, 5, 6, 7, 10, 49, 59, 60, 61, 66, 67, 68, 99, 100, 120, 500, 1000, 5000, 20_000, 100_000)


def times_of(
    pace: Pace,
    seconds: float,
    *,
    tick: Callable[[], float] = lambda: 0.02,
    wanted: Callable[[float], int] = lambda _now: 10**9,
    start: float = 1000.0,
) -> list[float]:
    """When requests left, taking at each tick as many as `wanted`."""
    left: list[float] = []
    now = start
    while now < start + seconds:
        n = min(pace.permits(now), wanted(now))
        pace.take(n)
        left += [now] * n
        now += tick()
    return left


def most_in_a_window(left: list[float], seconds: float = 60.0) -> int:
    """The most requests in any half-open window of that length, wherever it begins."""
    return max((bisect_left(left, begin + seconds) - at for at, begin in enumerate(left)), default=0)


@pytest.mark.parametrize("cap", CAPS)
def test_no_minute_has_more_requests_than_the_cap(cap: int) -> None:
    left = times_of(Pace(cap), 180 if cap > 60 else 600)
    assert 0 < most_in_a_window(left) <= cap


@pytest.mark.parametrize("cap", CAPS)
def test_not_even_when_the_process_stalls_and_catches_up(cap: int) -> None:
    chance = random.Random(cap)

    def stalling() -> float:
        return chance.choice([0.005, 0.02, 0.02, 0.02, 0.5, 7.0])

    left = times_of(Pace(cap), 600 if cap > 60 else 1800, tick=stalling)
    assert 0 < most_in_a_window(left) <= cap


@pytest.mark.parametrize("cap", [60, 5000, 100_000])
def test_idle_time_saves_nothing_up(cap: int) -> None:
    """Nothing to send for a minute, and then everything at once."""
    left = times_of(Pace(cap), 180, wanted=lambda now: 0 if now < 1060 else 10**9)
    assert most_in_a_window(left) <= cap


@given(cap=st.integers(1, 100_000), seed=st.integers(0, 2**32))
def test_no_cap_and_no_rhythm_of_ticks_breaks_it(cap: int, seed: int) -> None:
    chance = random.Random(seed)
    left = times_of(
        Pace(cap),
        130,
        tick=lambda: chance.uniform(0.01, 1.5),
        wanted=lambda _now: chance.choice([0, 1, 3, 10**9]),
    )
    assert most_in_a_window(left) <= cap


@pytest.mark.parametrize("cap", [1000, 5000, 20_000, 60_000, 100_000])
def test_nearly_all_of_the_cap_is_used(cap: int) -> None:
    left = times_of(Pace(cap), 60)
    assert len(left) >= 0.97 * cap


@pytest.mark.parametrize("cap", [20_000, 100_000])
def test_nearly_all_of_the_cap_is_used_on_a_busy_machine(cap: int) -> None:
    chance = random.Random(7)
    left = times_of(Pace(cap), 60, tick=lambda: chance.uniform(0.01, 0.06))
    assert len(left) >= 0.97 * cap


def test_the_rate_holds_from_the_first_second() -> None:
    left = times_of(Pace(6000), 1)
    assert 90 <= len(left) <= 101
    assert most_in_a_window(left, 0.1) <= 20


def test_the_slowest_pace_moves() -> None:
    assert Pace(1).permits(0.0) == 1
    assert Pace(1).expected(0.1) == 1


@pytest.mark.parametrize("seconds", [0.0, 2.0, 30.0, 600.0])
def test_a_wait_that_blnk_asks_for_is_obeyed(seconds: float) -> None:
    pace = Pace(6000)
    pace.permits(100.0)
    pace.busy(100.0, sent_at=99.9, retry_after_seconds=seconds)
    assert all(pace.permits(100.0 + seconds * part) == 0 for part in (0.0, 0.5, 0.99)) or seconds == 0
    assert pace.permits(100.0 + seconds + 0.1) >= 1


@pytest.mark.parametrize("seconds", [3_601.0, 999_999_999.0, float("inf")])
def test_no_wait_is_longer_than_an_hour_and_a_longer_one_is_reported(seconds: float) -> None:
    pace = Pace(6000)
    pace.permits(100.0)
    pace.busy(100.0, sent_at=99.9, retry_after_seconds=seconds)
    assert pace.permits(100.0 + 3_599.0) == 0
    assert pace.permits(100.0 + 3_600.1) >= 1
    assert pace.asked_seconds == seconds


def test_a_wait_of_an_hour_is_obeyed_without_asking() -> None:
    pace = Pace(6000)
    pace.busy(100.0, sent_at=99.9, retry_after_seconds=3_600.0)
    assert pace.asked_seconds is None


def test_a_shorter_wait_does_not_end_a_longer_one() -> None:
    pace = Pace(6000)
    pace.busy(100.0, sent_at=99.0, retry_after_seconds=30.0)
    pace.busy(101.0, sent_at=99.0, retry_after_seconds=1.0)
    assert pace.permits(129.9) == 0
    assert pace.permits(130.1) >= 1


def test_nothing_is_saved_up_during_a_wait() -> None:
    pace = Pace(60_000)
    pace.permits(100.0)
    pace.wait_until(130.0)
    for tick in range(1, 1500):
        assert pace.permits(100.0 + tick * 0.02) == 0
    assert pace.permits(130.0) == 297  # three tenths of a second, of a cap that is used to 99.2 %


def test_without_a_given_wait_the_waits_double_up_to_a_minute() -> None:
    pace = Pace(6000)
    now, waits = 100.0, []
    for _ in range(9):
        pace.busy(now, sent_at=now - 0.01, retry_after_seconds=None)
        waits.append(pace.not_before - now)
        now = pace.not_before + 0.1
    assert waits == pytest.approx([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0])
    pace.succeeded()
    pace.busy(now, sent_at=now - 0.01, retry_after_seconds=None)
    assert pace.not_before - now == pytest.approx(1.0)


def test_a_429_slows_down_and_a_burst_of_them_slows_down_once() -> None:
    pace = Pace(6000)
    for _ in range(50):
        pace.busy(100.0, sent_at=99.9, retry_after_seconds=1.0)
    assert pace.learned_per_minute == pytest.approx(4200.0)
    pace.busy(102.0, sent_at=101.5, retry_after_seconds=1.0)
    assert pace.learned_per_minute == pytest.approx(2940.0)


def test_however_often_it_slows_down_it_never_stops() -> None:
    pace = Pace(6000)
    for at in range(100, 200):
        pace.busy(float(at), sent_at=at - 0.1, retry_after_seconds=0.5)
    assert pace.learned_per_minute == 6.0
    assert times_of(pace, 30, start=300.0)


def test_a_cap_below_the_least_pace_is_still_a_cap() -> None:
    pace = Pace(2)
    pace.busy(100.0, sent_at=99.0, retry_after_seconds=1.0)
    assert most_in_a_window(times_of(pace, 600, start=110.0)) <= 2


def test_the_pace_recovers_evenly_up_to_the_cap() -> None:
    pace = Pace(6000)
    pace.busy(100.0, sent_at=99.9, retry_after_seconds=1.0)
    seen: list[float] = []
    now = 101.0
    while pace.learned_per_minute is not None:
        pace.permits(now)
        seen.append(pace.per_minute)
        now += 1.0
        assert now < 300.0, "it does not come back"
    assert seen == sorted(seen)
    steps = [later - earlier for earlier, later in pairwise(seen)]
    grown = [step for step in steps if step > 0]
    assert grown
    assert max(grown) == pytest.approx(min(grown[:-1] or grown), rel=0.01), "it grows by the same each second"
    assert seen[:4] == [seen[0]] * 4, "quiet for five seconds first"
    assert seen[4] > seen[3]
    assert max(grown) == pytest.approx(60.0 * 0.992), "a hundredth of the cap"


def test_the_pace_that_was_learned_is_kept() -> None:
    pace = Pace(6000, learned_per_minute=600.0, not_before=1010.0)
    left = times_of(pace, 12)
    assert left[0] >= 1010.0
    assert len(left) <= 30


def test_a_tenth_is_reserved_for_pages_while_someone_uses_them() -> None:
    alone, beside = Pace(6000), Pace(6000, pages_are_reading=True)
    assert len(times_of(beside, 60)) == pytest.approx(len(times_of(alone, 60)) * 0.9, rel=0.01)


def test_five_failures_in_a_row_open_the_breaker() -> None:
    breaker = Breaker(5.0, 120.0)
    for at in range(4):
        assert not breaker.failed(at, "502")
    breaker.succeeded()
    for at in range(4):
        assert not breaker.failed(at, "502")
    assert breaker.circuit is Circuit.CLOSED
    assert breaker.failed(10.0, "the last one")
    assert (breaker.circuit, breaker.reason) == (Circuit.OPEN, "the last one")


def opened(now: float = 100.0) -> Breaker:
    breaker = Breaker(5.0, 120.0)
    for _ in range(5):
        breaker.failed(now, "no connection")
    return breaker


def test_requests_underway_when_it_opened_do_not_lengthen_the_wait() -> None:
    breaker = opened()
    for _ in range(200):
        assert not breaker.failed(101.0, "502")
    assert breaker.probe_at == 105.0


def test_the_wait_between_probes_doubles_up_to_its_limit() -> None:
    breaker = opened()
    waits = []
    now = 100.0
    for _ in range(8):
        waits.append(breaker.probe_at - now)
        assert not breaker.may_probe(breaker.probe_at - 0.1)
        assert breaker.may_probe(breaker.probe_at)
        now = breaker.probe_at
        breaker.failed(now, "still not")
    assert waits == [5.0, 10.0, 20.0, 40.0, 80.0, 120.0, 120.0, 120.0]


def test_a_successful_probe_lets_one_row_try_and_the_row_closes_the_breaker() -> None:
    breaker = opened()
    met = [breaker.circuit]
    breaker.looked()
    met.append(breaker.circuit)
    assert breaker.succeeded()
    assert not breaker.failed(200.0, "once")
    assert [*met, breaker.circuit] == [Circuit.OPEN, Circuit.HALF_OPEN, Circuit.CLOSED]


def test_a_row_that_fails_when_it_tries_opens_it_again_for_longer() -> None:
    breaker = opened()
    breaker.looked()
    assert not breaker.failed(106.0, "not yet")
    assert breaker.circuit is Circuit.OPEN
    assert breaker.probe_at == 116.0


def test_a_row_that_succeeds_late_does_not_close_an_open_breaker() -> None:
    breaker = opened()
    assert not breaker.succeeded()
    assert breaker.circuit is Circuit.OPEN


def test_after_it_closed_the_waits_restart() -> None:
    breaker = opened()
    breaker.failed(breaker.probe_at, "still not")
    breaker.looked()
    breaker.succeeded()
    for _ in range(5):
        breaker.failed(500.0, "again")
    assert breaker.probe_at == 505.0


def test_reads_that_fail_count_beside_rows_until_one_is_answered() -> None:
    breaker = Breaker(5.0, 120.0)
    for _ in range(4):
        assert not breaker.failed(1.0, "a read", is_read=True)
    breaker.answered()
    for _ in range(3):
        assert not breaker.failed(2.0, "a row")
    breaker.answered()
    assert not breaker.failed(3.0, "a read", is_read=True)
    assert breaker.failed(4.0, "a read", is_read=True)


def test_a_cap_of_a_few_requests_expects_what_is_sent_within_the_time() -> None:
    assert Pace(6000).expected(1.0) == 99
    assert Pace(6000).expected(10.0) == 992
