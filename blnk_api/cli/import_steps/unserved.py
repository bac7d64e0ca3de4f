"""Notices a sender that is running, but cannot send to an instance."""

import time

from blnk_api.cli.exit_codes import CommandFailed, ExitCode
from blnk_api.cli.session import Session
from blnk_api.settings import Instance
from blnk_api.store import instance_numbers
from blnk_api.store.sending import senders

_POLL_SECONDS = 0.1
_UNSERVED_SECONDS = 3 * senders.BEAT_SECONDS
"""A sender that has just started reports with its first heartbeat which instances it serves."""


class Unserved:
    """Notices a sender that has no credentials for an instance, and holds SQLite's lock all the same: it
    would never send what is handed to it."""

    def __init__(self, opened: Session, instance: Instance) -> None:
        self._store = opened.store
        with opened.store.write() as tx:
            self.number = instance_numbers.number_for(tx, instance)
        self._since: float | None = None

    def refuse(self) -> None:
        """Waits for the first heartbeats of a sender that has just started. Raises CommandFailed."""
        while self.is_so():
            time.sleep(_POLL_SECONDS)

    def is_so(self) -> bool:
        """Raises CommandFailed if this has lasted for a while. Another command line is waited for."""
        if not self._store.is_sqlite:
            return False  # whose lease nobody has, whoever has the credentials takes
        with self._store.read() as tx:
            sender = senders.current(tx)
        if sender is None or sender.owner.startswith(senders.COMMAND_LINE) or self.number in sender.serves:
            self._since = None
            return False
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        if now - self._since > _UNSERVED_SECONDS:
            raise CommandFailed(
                f"The sender (process {sender.pid} on {sender.host}) has no connection to this Blnk "
                "instance. "
                "Add one to its secrets file, or end that process. Then run the same command again.",
                ExitCode.STOPPED,
            )
        return True
