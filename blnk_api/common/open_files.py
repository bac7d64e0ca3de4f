"""How many open files and connections this process may have, and whether the limit is reached.

Each connection takes one file handle, and some systems allow only 256 by default (macOS).
"""

import errno
import os
import resource

_WANTED = 10_240
"""More than any of our processes needs, and the most that macOS allows."""
_KEPT = 64
"""Reserved for the database, logs, files that are read, and whatever libraries open."""
_RAN_OUT = "This computer allows Balance Desk no more than"
_NONE_LEFT = (errno.EMFILE, errno.ENFILE)


def raise_limit() -> None:
    """Asks the system for as many file handles as this user may have. Called at the start of a process; never
    raises."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED if hard == resource.RLIM_INFINITY else min(hard, _WANTED)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):
            return  # the current limit must be enough


def places(wanted: int, *, shared_by: int = 1) -> int:
    """How many connections each of `shared_by` users in this process may have, at most `wanted`."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, (soft - _KEPT) // max(1, shared_by)))


def ran_out(problem: BaseException | None) -> str | None:
    """A sentence for a failed connection, if the reason is that no file handle was left.

    Checks the system too, because the failure appears in many forms, even as an unknown host.
    """
    if getattr(problem, "errno", None) not in _NONE_LEFT and _has_one():
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return (
        f"{_RAN_OUT} {soft:,} open files and connections, and all of them are in use. Nothing was "
        "created. Raise the limit with “ulimit -n”, or set BLNK_MOST_AT_ONCE to a smaller number."
    )


def _has_one() -> bool:
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as problem:
        return problem.errno not in _NONE_LEFT
    return True


def is_blamed(reason: str) -> bool:
    """Whether a sentence came from `ran_out`, so that Blnk is not to blame."""
    return reason.startswith(_RAN_OUT)
