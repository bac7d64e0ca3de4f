"""Everything that can go wrong with Blnk, split first by whether a balance may exist:

BlnkError
├── NothingCreated        this call created no balance; repeating it is safe
│   ├── NotConnected          the request never reached Blnk
│   ├── Refused               Blnk read the request and rejected it (400, 422)
│   │   └── Conflict          Blnk says that the balance already exists (409): look for it first
│   ├── AccessDenied          the token was rejected, or lacks a scope (401, 403)
│   ├── RateLimited           too many requests (429), with the wait that Blnk asked for
│   └── ReadFailed            a read was not answered; reads create nothing
│       └── NotFound              Blnk has nothing with this id (404)
└── MaybeCreated          a balance may exist now: look for it before sending again
"""

from typing import TypedDict, Unpack


class Support(TypedDict, total=False):
    """Details of Blnk's answer, if there was one, for a support request. They contain no secret."""

    status: int | None
    code: str
    """Blnk's error code, such as GEN_VALIDATION_ERROR. Empty before Core 0.15."""
    request_id: str
    """Identifies the answer in the logs of Blnk, or of a proxy in front of it."""
    answer: str
    """The first thousand characters of the answer."""


class BlnkError(Exception):
    """The base of all errors. `str()` is a sentence for people and never contains a token.

    `status`, `code`, `request_id` and `answer` describe Blnk's answer, if there was one: see `Support`.
    """

    def __init__(self, message: str, **support: Unpack[Support]) -> None:
        super().__init__(message)
        self.message = message
        self.keep(support)

    def keep(self, support: Support) -> None:
        """Stores the details of Blnk's answer."""
        self.status = support.get("status")
        self.code = support.get("code", "")
        self.request_id = support.get("request_id", "")
        self.answer = support.get("answer", "")


class NothingCreated(BlnkError):
    """This call created no balance. Repeating it is safe once the cause is fixed."""


class NotConnected(NothingCreated):
    """The request never left this machine: no network, a wrong address, or a host that is down."""


class Refused(NothingCreated):
    """Blnk read the request and rejected it (400 or 422), with this message. Fix the request first."""


class Conflict(Refused):
    """Blnk says that the balance already exists (409). This call created nothing, but an earlier one may
    have: look for the balance first."""


class AccessDenied(NothingCreated):
    """The token was rejected (401), or its scopes do not allow this (403)."""


class RateLimited(NothingCreated):
    """There were too many requests (429). `retry_after_seconds` is the wait that Blnk asked for, or None."""

    def __init__(
        self, message: str, *, retry_after_seconds: float | None = None, **support: Unpack[Support]
    ) -> None:
        support["status"] = 429
        super().__init__(message, **support)
        self.retry_after_seconds = retry_after_seconds


class ReadFailed(NothingCreated):
    """Blnk did not answer a read, after a few attempts. This never means that something is absent.

    `retry_after_seconds` is the wait that Blnk asked for with a 503, or None.
    """

    def __init__(
        self, message: str, *, retry_after_seconds: float | None = None, **support: Unpack[Support]
    ) -> None:
        super().__init__(message, **support)
        self.retry_after_seconds = retry_after_seconds


class NotFound(ReadFailed):
    """Blnk has nothing with this id (404)."""


class MaybeCreated(BlnkError):
    """The request was sent, but no clear answer came back: a balance may exist now. Look for it before you
    send the request again, for instance with `BlnkClient.find_by_refs`."""


class SettingsProblem(Exception):
    """A setting is missing or wrong. The text names the key and what it should look like, never its value."""


def check_not_answered(failed: BlnkError) -> str:
    """Why the check of a file is waiting. The caller adds what happens next."""
    return f"Blnk did not answer the check: {failed.message.rstrip('.')}. Nothing was sent."
