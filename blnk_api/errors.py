"""Everything that can go wrong between us and Blnk, split first by what matters most:

BlnkError
├── NothingCreated        surely no balance came of it; doing it again is safe
│   ├── NotConnected          the request never reached Blnk
│   ├── Refused               Blnk read it and said no (400, 422)
│   │   └── Conflict          Blnk said that it is there already (409): look before anything else
│   ├── AccessDenied          the token or what it may do (401, 403)
│   ├── RateLimited           too many requests (429); carries the wait that Blnk asked for
│   └── ReadFailed            a question to Blnk was not answered; reads create nothing
│       └── NotFound              Blnk answered: there is no such thing (404)
└── MaybeCreated          a balance may exist now; never send again before looking
"""

from typing import TypedDict, Unpack


class Support(TypedDict, total=False):
    """What support asks for, where there was an answer; none of it holds a secret."""

    status: int | None
    code: str
    """Blnk's own, such as GEN_VALIDATION_ERROR; empty before Core 0.15."""
    request_id: str
    """By which the answer is found in Blnk's logs, or in those of what stands in front of it."""
    answer: str
    """Its first thousand characters, as text."""


class BlnkError(Exception):
    """`str()` is fit for a person and never holds a token. `status`, `code`, `request_id` and `answer` are
    those of Blnk's answer, where there was one: see `Support`."""

    def __init__(self, message: str, **support: Unpack[Support]) -> None:
        super().__init__(message)
        self.message = message
        self.keep(support)

    def keep(self, support: Support) -> None:
        """What support needs, of the answer that this comes from."""
        self.status = support.get("status")
        self.code = support.get("code", "")
        self.request_id = support.get("request_id", "")
        self.answer = support.get("answer", "")


class NothingCreated(BlnkError):
    """No balance was created by this call. Doing it again is safe, once the cause is fixed."""


class NotConnected(NothingCreated):
    """The request never left this machine: no network, a wrong address, or a host that is down."""


class Refused(NothingCreated):
    """Blnk read the request and rejected it (400 or 422). The message is Blnk's. Fix the request first."""


class Conflict(Refused):
    """Blnk says that the balance exists already (409). This call created nothing, but an earlier one may
    have: look for it before anything else."""


class AccessDenied(NothingCreated):
    """The token was not accepted (401), or its scopes do not allow this (403)."""


class RateLimited(NothingCreated):
    """There were too many requests (429). `retry_after_seconds` is how long Blnk asked to wait, or None."""

    def __init__(
        self, message: str, *, retry_after_seconds: float | None = None, **support: Unpack[Support]
    ) -> None:
        support["status"] = 429
        super().__init__(message, **support)
        self.retry_after_seconds = retry_after_seconds


class ReadFailed(NothingCreated):
    """Blnk did not answer a read, after a few attempts. It does not mean that the thing is absent.

    `retry_after_seconds` is how long Blnk asked to wait, where a 503 said so, or None.
    """

    def __init__(
        self, message: str, *, retry_after_seconds: float | None = None, **support: Unpack[Support]
    ) -> None:
        super().__init__(message, **support)
        self.retry_after_seconds = retry_after_seconds


class NotFound(ReadFailed):
    """Blnk answered that there is no such thing (404)."""


class MaybeCreated(BlnkError):
    """The request was sent and no clear answer came back: a balance may exist now. Never send it again before
    you looked for it, for instance with `BlnkClient.find_by_refs`."""


class SettingsProblem(Exception):
    """A setting that cannot work. The text names the key and what it should look like, never its value."""


def check_not_answered(failed: BlnkError) -> str:
    """Why the check of a file waits. Who says it adds what happens next: that differs."""
    return f"Blnk did not answer the check: {failed.message.rstrip('.')}. Nothing was sent."
