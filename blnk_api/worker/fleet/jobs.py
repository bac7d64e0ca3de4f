"""The jobs that workers take from the queue, and the queues that they lie in."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class JobKind(StrEnum):
    SEND = "send"
    """Hold an instance and send to it, for as long as nothing speaks against it."""
    CHECK = "check"
    """Read and check the file of one draft."""
    RECEIPT = "receipt"
    """Write the receipt and the results of one import that is over."""
    NOTIFY = "notify"
    """Send the notifications that are due."""
    LAPSE = "lapse"
    """End requests for approval that nobody decided in time."""
    PURGE = "purge"
    """Delete what imports held that ended long ago."""
    EXPIRE = "expire"
    """Give up drafts that nobody touches, and forget old jobs."""
    CONNECTIONS = "connections"
    """Look what the secrets file says now: imports that no connection leads to are paused."""


NOW_AND_THEN = {
    JobKind.LAPSE: "* * * * * */30",
    JobKind.PURGE: "* * * * *",
    JobKind.EXPIRE: "0 * * * *",
    JobKind.CONNECTIONS: "* * * * * */10",
}
"""Done once for the desk, by whichever worker is free: at which minutes, hours, …, and seconds."""

DESK_QUEUE = "desk"
"""Of jobs that need no credentials for an instance."""


@dataclass(frozen=True)
class Job:
    """`subject` is an instance's number for SEND, a draft's for CHECK, an import's for RECEIPT, else 0."""

    kind: JobKind
    subject: int
    queue: str

    @property
    def lock(self) -> str:
        """Two jobs with the same one are never done at the same time, nor do two of them wait."""
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
    """Taken from by workers that have credentials for the instance, and no more to send than others."""
    return f"instance-{instance}"


def check_queue(instance: int) -> str:
    """Taken from by workers that have credentials for the instance, and room for another file."""
    return f"drafts-{instance}"
