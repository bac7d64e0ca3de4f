"""How a command ends: exit codes that scripts can rely on, and the error that ends it early."""

from enum import IntEnum


class ExitCode(IntEnum):
    FINE = 0
    """Every row was created or already exists, and this was verified, or it was reported that it could not
    be."""
    NOTHING_SENT = 2
    """A wrong option, a file that cannot be read, or a question answered with no. argparse uses it too."""
    LEFT_OVER = 3
    """Finished, but some rows are rejected, invalid, skipped or in doubt, or verification found problems."""
    STOPPED = 4
    """The credentials, permissions, the instance, or something that a person must read before more is
    sent."""
    WAITS_FOR_APPROVAL = 5
    """Nothing more is sent until someone else has approved on the pages. Run the command again afterwards."""
    TRAIL_BROKEN = 6
    """The audit trail was changed after it was written."""
    INTERRUPTED = 130
    """Paused by a person; `resume` continues."""


class CommandFailed(Exception):
    """The command ends here. The text is one sentence for stderr: what is wrong, what to do."""

    def __init__(self, sentence: str, code: ExitCode = ExitCode.NOTHING_SENT) -> None:
        super().__init__(sentence)
        self.code = code
