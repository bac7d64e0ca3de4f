"""A real pgbouncer for tests, which gives each transaction any session that is free.

It has a temporary folder and a free port, and ends with the test. A missing binary fails the test.
"""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from tests.support.importer import wait_until
from tests.support.postgres import Postgres

_BINARY = "/usr/sbin/pgbouncer"


@contextmanager
def pooled(postgres: Postgres, url: str, *, sessions: int) -> Iterator[str]:
    """The URL by which the database is reached through a pool of this many sessions."""
    folder = Path(tempfile.mkdtemp(prefix="blnk-pgbouncer-"))
    port = _free_port()
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n* = host=127.0.0.1 port={postgres.port} user=postgres\n"
        "[pgbouncer]\nlisten_addr = 127.0.0.1\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\n"
        f"listen_port = {port}\ndefault_pool_size = {sessions}\nserver_round_robin = 1\n"
    )
    folder.chmod(0o755)
    user = "postgres" if os.getuid() == 0 else None  # it refuses root
    running = subprocess.Popen(
        [shutil.which("pgbouncer") or _BINARY, "-q", str(settings)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        user=user,
        group=user,
    )
    through = url.replace(f":{postgres.port}/", f":{port}/")
    try:

        def lets_in() -> bool:
            with suppress(psycopg.OperationalError), psycopg.connect(through):
                return True
            return False

        wait_until(lets_in, lambda: f"pgbouncer does not start: {running.poll()}")
        yield through
    finally:
        running.kill()
        running.wait()
        shutil.rmtree(folder)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
