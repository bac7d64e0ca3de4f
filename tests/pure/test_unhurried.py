"""A long search asks few questions at once, and fewer where Blnk takes twice as long over them."""

import orjson
import pytest

from blnk_api.lookup.concurrency import AdaptiveConcurrency
from blnk_api.practice.api import filter_durations
from blnk_api.practice.api.exchange import ApiRequest


def told(*seconds: float) -> AdaptiveConcurrency:
    ease = AdaptiveConcurrency()
    for one in seconds:
        ease.took(one)
    return ease


def test_three_requests_run_at_once_while_answers_take_the_usual_time() -> None:
    ease = told(*[0.4] * 50)
    assert (ease.at_once, ease.pause_seconds) == (3, 0)
    assert told(*[0.4] * 5, *[0.6] * 50).at_once == 3


def test_twice_the_time_means_one_request_at_once_with_a_pause_as_long() -> None:
    ease = told(*[0.4] * 5, *[1.0] * 20)
    assert ease.at_once == 1
    assert 0.8 < ease.pause_seconds <= 1.0


def test_when_answers_are_fast_again_it_continues_as_before() -> None:
    ease = told(*[0.4] * 5, *[1.0] * 20, *[0.4] * 20)
    assert (ease.at_once, ease.pause_seconds) == (3, 0)


def test_one_slow_answer_changes_nothing() -> None:
    assert told(*[0.4] * 10, 1.2).at_once == 3


def test_three_requests_from_the_start_and_step_by_step_fewer_or_more() -> None:
    ease = AdaptiveConcurrency()
    assert (ease.at_once, ease.pause_seconds) == (3, 0.0)
    for one in (0.1, 0.2, 0.4, 0.8, 1.6):  # the usual is their middle
        ease.took(one)
    seen = []
    for one in (2.0, 2.0, 2.0, 0.4, 0.4, 0.4, 0.4, 0.4):
        ease.took(one)
        seen.append((ease.at_once, round(ease.pause_seconds, 3)))
    assert seen == [(2, 0), (1, 0), (1, 1.451), (1, 1.136), (1, 0.915), (1, 0.915), (1, 0.915), (2, 0)]


@pytest.mark.parametrize(
    ("filters", "balances", "seconds"),
    [
        ([{"field": "meta_data.customer", "operator": "in", "values": ["a"]}], 1_000_000, 0.469),
        ([{"field": "meta_data.customer", "operator": "in", "values": ["a"]}], 100_000, 0.008),
        ([{"field": "meta_data.import_ref", "operator": "isnotnull"}], 1_000_000, 0.005),
        ([{"field": "created_at", "operator": "gte", "value": "2026-01-01"}], 1_000_000, 0.003),
        ([{"field": "identity_id", "operator": "in", "values": ["a"]}], 1_000_000, 0.003),
        ([], 10, 0.003),
    ],
)
def test_practice_can_take_as_long_as_a_real_core_for_a_filter(
    filters: list[dict[str, object]], balances: int, seconds: float
) -> None:
    asked = ApiRequest("POST", ("balances", "filter"), {}, {}, orjson.dumps({"filters": filters}))
    assert filter_durations.seconds(asked, balances) == pytest.approx(seconds)
