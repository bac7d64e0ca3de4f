"""How a command ends: exit codes that scripts may rely on, and the one way to end before the end."""

from enum import IntEnum


class ExitCode(IntEnum):
    FINE = 0
    """Every row is created or existed already, and verified; or could not be verified, which was said."""
    NOTHING_SENT = 2
    """A wrong option, a file that cannot be read, an answer of no. argparse uses it too."""
    LEFT_OVER = 3
    """Finished; some rows were rejected, invalid, skipped or need a look, or verifying found something."""
    STOPPED = 4
    """Credentials, permissions, the instance, or something that a person has to read before more is sent."""
    INTERRUPTED = 130
    """Paused by a person; `resume` goes on."""


class CommandFailed(Exception):
    """The command ends here. The text is one sentence for stderr: what is wrong, what to do."""

    def __init__(self, sentence: str, code: ExitCode = ExitCode.NOTHING_SENT) -> None:
        super().__init__(sentence)
        self.code = code
