"""To have waited in vain: what a test fails with that saw nothing wrong, and only ran out of time."""

import subprocess

import pytest


class WaitedInVain(pytest.fail.Exception):  # type: ignore[misc, name-defined]
    """What must come at all did not come."""


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
