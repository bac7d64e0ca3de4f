"""When a read that Blnk did not answer is repeated. Pure, and for reads only: a POST that creates a balance
is never repeated, whatever its outcome."""

from blnk_api.errors import AccessDenied, BlnkError, NotConnected, NotFound, RateLimited, ReadFailed
from blnk_api.settings import Waits

MOST_REPEATS = 3


def may_pass(failed: BlnkError) -> bool:
    """Whether the same request may succeed a moment later: no connection, a timeout, an answer that was
    dropped, cut off or not JSON, a 408 or a 5xx. A rejection by Blnk is final."""
    match failed:
        case NotFound() | RateLimited() | AccessDenied():
            return False
        case NotConnected():
            return True
        case ReadFailed(status=status):
            return status is None or status < 300 or status == 408 or status >= 500
        case _:
            return False


def wait_seconds(
    failed: BlnkError, failures: int, *, first_seconds: float = Waits.read_again
) -> float | None:
    """Seconds to wait before repeating a read that has failed this many times, last with this error; None: do
    not repeat."""
    if failures > MOST_REPEATS or not may_pass(failed):
        return None
    asked_for = failed.retry_after_seconds if isinstance(failed, ReadFailed) else None
    return max(first_seconds * 2.0 ** (failures - 1), asked_for or 0.0)
