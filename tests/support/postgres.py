"""A real Postgres for tests, from Debian's binaries, in a temporary folder and on a free port of this
machine.

with Postgres() as postgres:
    store = Store(postgres.new_database())

Nothing else uses it: its files are deleted with it, and it ends with the process that started it, even if
that is killed. Missing binaries fail the test; they never skip it.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

from tests.support.waiting import WaitedInVain

START_SECONDS = 180.0

_OUTLIVED_BY_NOBODY = '"$@" & server=$!; cat >/dev/null; kill -INT $server; wait $server'
"""Runs the server until standard input closes, which happens when the process at the other end is gone."""


class Postgres:
    """Starts on construction. After `stop` it can `start` again, on the same port with the same data."""

    def __init__(self) -> None:
        self._bin = _binaries()
        self._user = "postgres" if os.getuid() == 0 else None  # initdb refuses root
        self.folder = Path(tempfile.mkdtemp(prefix="blnk-postgres-"))
        if self._user:
            owner = pwd.getpwnam(self._user)
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        self._data = self.folder / "data"
        self._log = self.folder / "log"
        self._databases = 0
        self._run(
            "initdb", "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C",
            f"--pgdata={self._data}",
        )  # fmt: skip
        self.port = 0
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Returns once it accepts connections."""
        for _ in range(5):
            wanted = self.port or _free_port()
            self._server = subprocess.Popen(
                ["sh", "-c", _OUTLIVED_BY_NOBODY, "sh", f"{self._bin}/postgres", *self._options(wanted)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=self._log.open("ab"),
                cwd=self.folder,
                user=self._user,
                group=self._user,
            )
            if self._answers(wanted):
                self.port = wanted
                return
            self.stop()
        raise WaitedInVain(f"Postgres does not start: {self._log.read_text()[-2000:]}")

    def stop(self) -> None:
        """Ends it as a restart would: sessions are cut off, committed data is kept."""
        assert self._server.stdin is not None
        with suppress(BrokenPipeError):
            self._server.stdin.close()
        self._server.wait(timeout=START_SECONDS)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def new_database(self, *, like: str = "template1") -> str:
        """The URL of a new database, a copy of the database named `like`."""
        self._databases += 1
        name = f"{like}_{self._databases}"
        # Otherwise, since version 15, each page is also written into the log, which takes longer.
        quickly = "STRATEGY FILE_COPY" if int(self._bin.parent.name) >= 15 else ""
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{like}" {quickly}')
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Ends its sessions, and frees its 10 MB, which tests/run keeps in memory."""
        self.execute(f'DROP DATABASE "{url.rpartition("/")[2]}" WITH (FORCE)')

    def execute(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Runs one statement as its superuser, outside any transaction."""
        with psycopg.connect(self.url(), autocommit=True) as session:
            answered = session.execute(statement.encode(), values or None)
            return answered.fetchall() if answered.description else []

    def sessions(self, url: str, *, that: str = "true") -> list[int]:
        """The sessions of a database that match a condition on pg_stat_activity."""
        database = url.rpartition("/")[2]
        found = self.execute(f"SELECT pid FROM pg_stat_activity WHERE datname = %s AND ({that})", database)
        return [pid for (pid,) in found]

    def kill(self, sessions: Sequence[int]) -> int:
        """Cuts sessions off, as an administrator or a failing network would, and waits for their end."""
        return len(self.execute("SELECT pg_terminate_backend(pid, 5000) FROM unnest(%s) pid", list(sessions)))

    def _options(self, port: int) -> list[str]:
        settings = {
            "fsync": "off",
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "port": str(port),
            "shared_buffers": "32MB",
            "log_min_messages": "fatal",
        }
        return ["-D", str(self._data), *(f"--{key}={value}" for key, value in settings.items())]

    def _answers(self, port: int) -> bool:
        deadline = time.monotonic() + START_SECONDS
        while self._server.poll() is None and time.monotonic() < deadline:
            with suppress(psycopg.OperationalError):
                with psycopg.connect(
                    host="127.0.0.1", port=port, user="postgres", dbname="postgres"
                ) as session:
                    served = session.execute("SHOW data_directory").fetchone()
                return served == (str(self._data),)
            time.sleep(0.02)
        return False

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [f"{self._bin}/{program}", *arguments],
            cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            user=self._user, group=self._user,
        )  # fmt: skip
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed: {done.stderr}")


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise RuntimeError(
            "The tests need Postgres; /usr/lib/postgresql/*/bin/initdb is missing: apt-get install postgresql"
        )
    return found[-1].parent


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
