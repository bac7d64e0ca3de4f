"""Runs the process that sends notifications: for the sender, for a command at its end, and for a check.

The caller loads neither Apprise nor any address beyond its own settings.
"""

import os
import subprocess
import sys
from pathlib import Path

from blnk_api import __file__ as _package
from blnk_api.settings import Connection

_CHECK_SECONDS = 30.0


def start() -> subprocess.Popen[bytes]:
    """Sends what is due, then ends by itself. It reports failing addresses to our standard error."""
    return subprocess.Popen(_command(), stdin=subprocess.DEVNULL, process_group=0, env=_environment())


def not_understood(connection: Connection) -> list[int] | None:
    """The positions, counted from 1, of addresses that Apprise cannot parse. None if that could not be
    determined."""
    try:
        answer = subprocess.run(
            [*_command(), "--check", connection.name],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_CHECK_SECONDS,
            env=_environment(),
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return [int(one) for one in answer.stdout.split()] if answer.returncode == 0 else None


def _command() -> list[str]:
    return [sys.executable, "-m", "blnk_api.notifications"]


def _environment() -> dict[str, str]:
    root = str(Path(_package).parent.parent)
    paths = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": paths}
