"""The kinds of jobs in the queue, and the names of the queues."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self


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


NOW_AND_THEN = {
    JobKind.LAPSE: "* * * * * */30",
    JobKind.PURGE: "* * * * *",
    JobKind.EXPIRE: "0 * * * *",
    JobKind.CONNECTIONS: "* * * * * */10",
}
"""Done once for the desk, by any free worker: at which minutes, hours, …, and seconds."""

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
