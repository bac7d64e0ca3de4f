"""To have waited in vain: what a test fails with that saw nothing wrong, and only ran out of time."""

import itertools
import subprocess

import pytest


class WaitedInVain(pytest.fail.Exception):  # type: ignore[misc, name-defined]
    """What must come at all did not come."""


WRONG_TRIED_AGAIN = 1
"""How many tests that saw something wrong are tried once more in one test process."""
_wrong = itertools.count(1)


def may_be_tried_again(problem: BaseException | None) -> bool:
    """Whether a test that failed because of this is tried once more, in this process."""
    if problem is None or waited_in_vain(problem):
        return problem is not None
    return next(_wrong) <= WRONG_TRIED_AGAIN


def waited_in_vain(problem: BaseException | None) -> bool:
    """Whether a test failed because it waited in vain, on what it waits by itself or by a library."""
    from threading import BrokenBarrierError

    from requests import Timeout

    from blnk_api.practice.launch import PracticeNotStarted

    ran_out_of_time = (
        *(WaitedInVain, TimeoutError, subprocess.TimeoutExpired, BrokenBarrierError, Timeout),
        PracticeNotStarted,
    )
    return isinstance(problem, ran_out_of_time) or "AppTest script run timed out" in str(problem)
