"""Runs the process that sends notifications: for the sender, for a command at its end, and for a check.

Whoever runs it loads neither Apprise nor an address into more than its settings.
"""

import os
import subprocess
import sys
from pathlib import Path

from blnk_api import __file__ as _package
from blnk_api.settings import Connection

_CHECK_SECONDS = 30.0


def start() -> subprocess.Popen[bytes]:
    """Sends what is due, and ends by itself. What it has to say of addresses that fail goes to our stderr."""
    return subprocess.Popen(_command(), stdin=subprocess.DEVNULL, process_group=0, env=_environment())


def not_understood(connection: Connection) -> list[int] | None:
    """Which of a connection's addresses Apprise cannot parse, counted from 1; None where that could not be
    found out."""
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
    return [sys.executable, "-m", "blnk_api.notices"]


def _environment() -> dict[str, str]:
    root = str(Path(_package).parent.parent)
    paths = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": paths}
