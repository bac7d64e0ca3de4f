"""Finds the Practice of a data folder, or starts it. Used by the app, the command line and tests."""

import http.client
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from blnk_api import __file__ as _package
from blnk_api.common.practice_address import Practice, folder_of, last_known

ALREADY_RUNNING = 3
"""The exit code of a Practice process that found another one serving its folder."""
_HEALTH_SECONDS = 1.0
_LOOK_AGAIN_SECONDS = 0.02


class PracticeNotStarted(RuntimeError):
    """Practice did not start in time. The text says where its log is."""


def running(data_dir: Path) -> Practice | None:
    """The Practice of this folder, if it answers under its name. Takes a second at most."""
    practice = last_known(data_dir)
    if practice is None or _instance_at(practice.port) != practice.instance_id:
        return None
    return practice


def start(
    data_dir: Path, *, port: int | None = None, seed: Path | None = None, core: str | None = None
) -> subprocess.Popen[bytes]:
    """Starts a process that ends with the caller, when the pipe that is its stdin closes.

    Returns at once. If another process already serves the folder, the new one ends by itself. Its log is
    practice/log in the data folder.
    """
    folder = folder_of(data_dir)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    command = [sys.executable, "-m", "blnk_api.practice", "--data-dir", str(folder.parent)]
    command += ["--stop-with-stdin", "--quiet"]
    for option, value in (("--port", port), ("--seed", seed), ("--core", core)):
        command += [] if value is None else [option, str(value)]
    root = str(Path(_package).parent.parent)
    paths = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": paths},
            process_group=0,  # Ctrl-C in a terminal is for the caller, who may still need Practice
        )


def wait_until_running(data_dir: Path, timeout_seconds: float) -> Practice:
    """Raises PracticeNotStarted."""
    deadline = time.monotonic() + timeout_seconds
    while (practice := running(data_dir)) is None:
        if time.monotonic() > deadline:
            raise _not_started(data_dir)
        time.sleep(_LOOK_AGAIN_SECONDS)
    return practice


def find_or_start(
    data_dir: Path, timeout_seconds: float = 10
) -> tuple[Practice, subprocess.Popen[bytes] | None]:
    """The folder's Practice, and its process if this call started it.

    Two simultaneous callers get the same one: the second process finds the folder locked and ends. Raises
    PracticeNotStarted.
    """
    deadline = time.monotonic() + timeout_seconds
    process: subprocess.Popen[bytes] | None = None
    while True:
        practice = running(data_dir)
        # Ours answers a moment before it has written its name over its predecessor's.
        if practice is not None and (process is None or process.pid == practice.pid):
            return practice, process
        if process is not None and process.poll() == ALREADY_RUNNING:
            _end(process)
            process = None
            continue
        process = process or start(data_dir)
        if process.poll() not in (None, ALREADY_RUNNING) or time.monotonic() > deadline:
            _end(process)
            raise _not_started(data_dir)
        time.sleep(_LOOK_AGAIN_SECONDS)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _not_started(data_dir: Path) -> PracticeNotStarted:
    return PracticeNotStarted(f"Practice did not start; its log is {folder_of(data_dir) / 'log'}")


def _instance_at(port: int) -> str | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_HEALTH_SECONDS)
    try:
        connection.request("GET", "/_practice/health")
        reply = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    return str(reply["instance_id"]) if isinstance(reply, dict) and "instance_id" in reply else None
