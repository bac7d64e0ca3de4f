"""The kinds of jobs in the queue, and the names of the queues."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from blnk_api.worker import expire_drafts, lapse_approvals, purge_imports


class JobKind(StrEnum):
    SEND = "send"
    """Hold an instance and send to it for as long as possible."""
    CHECK = "check"
    """Read and check the file of one draft."""
    RECEIPT = "receipt"
    """Write the receipt and the results of one finished import."""
    NOTIFY = "notify"
    """Send the notifications that are due."""
    LAPSE = "lapse"
    """End requests for approval that nobody decided in time."""
    PURGE = "purge"
    """Delete the contents of imports that ended long ago."""
    EXPIRE = "expire"
    """Discard abandoned drafts, and delete old jobs."""
    CONNECTIONS = "connections"
    """Read the secrets file again: imports without a connection are paused."""


_CONNECTIONS_SECONDS = 10


def _every(seconds: int) -> str:
    """As a cron time: minutes, hours, …, and seconds."""
    if seconds < 60 and 60 % seconds == 0:
        return f"* * * * * */{seconds}"
    return {60: "* * * * *", 3_600: "0 * * * *"}[seconds]


NOW_AND_THEN = {
    JobKind.LAPSE: _every(lapse_approvals.EVERY_SECONDS),
    JobKind.PURGE: _every(purge_imports.EVERY_SECONDS),
    JobKind.EXPIRE: _every(expire_drafts.EVERY_SECONDS),
    JobKind.CONNECTIONS: _every(_CONNECTIONS_SECONDS),
}
"""Done once for the desk, by any free worker: when, as a cron time."""

DESK_QUEUE = "desk"
"""For jobs that need no credentials for an instance."""


@dataclass(frozen=True)
class Job:
    """`subject` is an instance's number for SEND, a draft's for CHECK, an import's for RECEIPT, otherwise
    0."""

    kind: JobKind
    subject: int
    queue: str

    @property
    def lock(self) -> str:
        """Of jobs with the same lock, at most one runs and at most one waits."""
        return f"{self.kind} {self.subject}"

    @classmethod
    def send(cls, instance: int) -> Self:
        return cls(JobKind.SEND, instance, send_queue(instance))

    @classmethod
    def check(cls, draft: int, instance: int) -> Self:
        return cls(JobKind.CHECK, draft, check_queue(instance))

    @classmethod
    def of_desk(cls, kind: JobKind, subject: int = 0) -> Self:
        return cls(kind, subject, DESK_QUEUE)


def send_queue(instance: int) -> str:
    """For workers that have credentials for the instance, and send to no more instances than others."""
    return f"instance-{instance}"


def check_queue(instance: int) -> str:
    """For workers that have credentials for the instance, and room for another file."""
    return f"drafts-{instance}"
