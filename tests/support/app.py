"""The whole app as the README starts it: real processes in a folder of their own, and what they leave behind.

with App(folder) as app:
    requests.get(app.url)
    assert app.practice.balances() == []
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import requests

from blnk_api.practice import launch
from tests.support.importer import SHORT_WAITS, wait_until
from tests.support.json_object import JsonObject
from tests.support.practice import PracticeBlnk

ROOT = Path(__file__).parents[2]
START_SECONDS = 180.0

SENDER, PRACTICE = "blnk_api.worker.main", "blnk_api.practice"
LEDGER = "ldg_00000001-0000-4000-8000-000000000001"
"""The first ledger of the Practice that an app starts."""

QUICK = {
    **SHORT_WAITS,
    **{"PAGE_REFRESH": "1", "FORM_REFRESH": "0.5", "WORKER_NOTICES": "0.1", "PRACTICE_START": "180"},
    "LATE_LOOKS": "1",
}
"""Longer than in other tests: a browser is slower than a sender that polls fifty times a second, which takes
an eighth of a core, and a page that refreshes three times a second takes two thirds of one. An app's sender
is idle most of the time, and then late looks are nearly all that it does."""

_URL = re.compile(r"URL: (http://\S+)")


class AppsPractice(PracticeBlnk):
    """The Practice that an app runs, as a test looks into it."""

    def start_again(self) -> None:
        self.practice = launch.wait_until_running(self.data_dir, START_SECONDS)


class App:
    """Starts on entering, with `folder` as its working folder, for its data and its secrets.

    Two apps in one folder share the data. All processes that were started in the folder end with this one.
    """

    def __init__(
        self,
        folder: Path,
        *,
        secrets: str | None = None,
        waits: Mapping[str, str] | None = None,
        log: str = "app",
        options: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        url: str = "",
    ) -> None:
        """`url` is its address, if that is not the one it prints."""
        self.folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        if secrets is not None:
            self.write_secrets(secrets)
        self._waits = QUICK if waits is None else waits
        self._log = folder / f"{log}.log"
        self._options = options
        self._env = env or {}
        self._reached_at = url
        self.url = ""
        self.process: subprocess.Popen[bytes]

    def write_secrets(self, secrets: str) -> None:
        """They apply from the next page on, and for the sender within a moment."""
        file = self.folder / ".streamlit" / "secrets.toml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(secrets)

    @property
    def data_dir(self) -> Path:
        return self.folder / ".data"

    @property
    def practice(self) -> "AppsPractice":
        return AppsPractice(self.data_dir)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.kill_all()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.kill_all()

    def start(self) -> None:
        """Returns once it answers."""
        env = {
            name: value for name, value in os.environ.items() if not name.startswith(("BLNK_", "STREAMLIT_"))
        }
        env |= self._env
        env |= {f"BLNK_WAIT_{name}": value for name, value in self._waits.items()}
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "streamlit",
                    "run",
                    ROOT / "app.py",
                    "--server.headless",
                    "true",
                    *self._options,
                ],
                cwd=self.folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.url = self._reached_at or wait_until(self._said_url, self.log, seconds=START_SECONDS)
        wait_until(self.is_healthy, self.log, seconds=START_SECONDS)

    def log(self) -> str:
        return f"the app says: {self._log.read_text()}"

    def is_healthy(self) -> bool:
        assert self.process.poll() is None, self.log()
        with suppress(requests.ConnectionError, requests.Timeout):
            return requests.get(f"{self.url}/healthz", timeout=60).text == "ok\n"
        return False

    def kill_all(self) -> None:
        """kill -9 for everything that runs in the folder."""
        while pids := self.processes():
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.poll()
        self.process.wait(START_SECONDS)

    def processes(self) -> dict[int, str]:
        """Everything that runs in the folder, whoever its parent is now: process id and command."""
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with suppress(OSError):
                if (entry / "cwd").readlink() == self.folder:
                    command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    found[int(entry.name)] = command.strip()
        return found

    def _said_url(self) -> str | None:
        said = _URL.search(self._log.read_text())
        assert self.process.poll() is None, self.log()
        return said[1] if said else None


def balances_of_link(blnk: PracticeBlnk, link: str) -> list[JsonObject]:
    """The balances of the import that this address names."""
    return [balance for balance in blnk.balances() if balance["meta_data"]["import_id"] in link]


def pids(app: App, module: str) -> list[int]:
    return [pid for pid, command in app.processes().items() if f" {module} " in f"{command} "]
