"""Instances are spread over the workers that can reach them."""

from blnk_api.worker.fleet.fair_share import Colleague, gives_away, may_take


def worker(sends: int, *reaches: int) -> Colleague:
    return Colleague(frozenset(reaches), sends)


def test_a_worker_alone_takes_every_instance() -> None:
    assert may_take(1, 0, [])
    assert may_take(1, 5, [])


def test_nobody_takes_an_instance_while_another_worker_has_fewer() -> None:
    assert may_take(1, 2, [worker(2, 1), worker(3, 1)])
    assert not may_take(1, 3, [worker(2, 1), worker(3, 1)])


def test_a_worker_that_cannot_reach_an_instance_is_not_waited_for() -> None:
    assert may_take(1, 4, [worker(0, 2, 3)])


def test_a_later_worker_gets_an_instance_until_both_have_about_as_many() -> None:
    assert gives_away({1, 2, 3}, [worker(0, 1, 2, 3)]) == [1, 2, 3]
    assert gives_away({1, 2}, [worker(1, 1, 2, 3)]) == []
    assert gives_away({1, 2}, [worker(0, 2)]) == [2]
    assert gives_away({1}, [worker(0, 1)]) == []
    assert gives_away({1, 2, 3}, [worker(1, 9), worker(2, 1, 2, 3)]) == []
