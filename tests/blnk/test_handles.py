"""Where few open files are allowed: what processes ask for, and that Blnk is not blamed when none is left."""

import os
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from blnk_api import errors
from blnk_api.blnk import endpoints
from blnk_api.blnk.bulk_http import BulkClient, NotSent
from blnk_api.blnk.replies import ConnectFailed, Reply
from blnk_api.client import BlnkClient
from blnk_api.common import open_files
from blnk_api.models import BalanceRequest
from blnk_api.sending.lifecycle import why_not
from blnk_api.store.states import ImportState
from tests.support.connections import connection_to, with_bulk_client
from tests.support.importer import Importer, limited_to, requests_for, wait_until
from tests.support.practice import PracticeBlnk
from tests.support.sending import assert_each_once

ROOT = Path(__file__).parents[2]
LIMIT = "import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE))"
RAN_OUT = "open files and connections, and all of them are in use. Nothing was created."


@pytest.mark.parametrize(
    ("soft", "hard", "allowed"), [(256, 256, 256), (256, 2048, 2048), (100, 3000, 3000), (2048, 4096, 4096)]
)
def test_a_process_raises_its_limit_of_open_files_as_far_as_it_may(
    soft: int, hard: int, allowed: int
) -> None:
    script = "from blnk_api.common import open_files; open_files.raise_limit(); " + LIMIT
    assert _told(script, soft=soft, hard=hard) == f"({allowed}, {hard})"


@pytest.mark.parametrize(
    ("soft", "wanted", "shared_by", "places"),
    [(256, 256, 1, 192), (256, 256, 3, 64), (256, 100, 1, 100), (1024, 256, 1, 256), (50, 256, 2, 1)],
)
def test_there_are_no_more_requests_at_once_than_open_files(
    monkeypatch: pytest.MonkeyPatch, soft: int, wanted: int, shared_by: int, places: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, soft))
    assert open_files.places(wanted, shared_by=shared_by) == places


def test_a_sender_with_256_open_files_sends_each_row_once_and_none_in_vain(
    practice_blnk: PracticeBlnk, importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More rows want to leave at once than it may have connections."""
    monkeypatch.setenv("BLNK_MOST_AT_ONCE", "256")
    importer.connect(request_timeout_seconds=60)
    practice_blnk.order_fault("latency", seconds=1)
    draft = importer.draft(requests_for(420))
    importer.confirm(draft)
    worker = importer.start_process(limits=(256, 256))
    done = importer.wait_for(draft, ImportState.DONE)
    assert resource.prlimit(worker.pid, resource.RLIMIT_NOFILE) == (256, 256)
    assert_each_once(practice_blnk, importer, done)
    assert practice_blnk.requests()["by_kind"]["create"] == 420
    assert "paused" not in importer.events(done)


def test_the_sender_raises_its_limit_when_it_starts(importer: Importer) -> None:
    worker = importer.start_process(limits=(256, 2048))
    wait_until(lambda: _limit(worker.pid) == (2048, 2048), lambda: f"it has {_limit(worker.pid)}")


def test_practice_raises_its_limit_when_it_starts(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "blnk_api.practice", "--data-dir", str(tmp_path), "--stop-with-stdin"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, preexec_fn=limited_to(256, 2048)) as process:
        wait_until(lambda: _limit(process.pid) == (2048, 2048), lambda: f"it has {_limit(process.pid)}")


def test_a_command_raises_its_limit_when_it_starts(importer: Importer) -> None:
    script = "from blnk_api.__main__ import main; main(['status']); " + LIMIT
    assert _told(script, soft=256, hard=2048) == "(2048, 2048)"


def _told(script: str, *, soft: int, hard: int) -> str:
    """The last line that a process under these limits prints."""
    command = [sys.executable, "-c", script]
    told = subprocess.check_output(command, preexec_fn=limited_to(soft, hard), cwd=ROOT)
    return told.decode().splitlines()[-1]


def _limit(pid: int) -> tuple[int, int]:
    return resource.prlimit(pid, resource.RLIMIT_NOFILE)


@contextmanager
def no_handle_left() -> Iterator[None]:
    """In this process nothing can be opened."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = [os.open(os.devnull, os.O_RDONLY)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (held[0] + 1, hard))
    try:
        while True:
            try:
                held.append(os.dup(held[0]))
            except OSError:
                break
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for one in held:
            os.close(one)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "blnk.invalid"])
def test_the_sender_names_the_limit_of_open_files(host: str) -> None:
    """Without one no name can be looked up either."""

    async def act(client: BulkClient) -> Reply | NotSent:
        with no_handle_left():
            return await client.send(endpoints.post_balance("ins_1", b"{}"), "t")

    told = with_bulk_client(f"http://{host}:9", act)
    assert isinstance(told, ConnectFailed)
    assert RAN_OUT in told.reason


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "blnk.invalid"])
def test_pages_and_scripts_name_the_limit_of_open_files(host: str) -> None:
    with BlnkClient(connection_to(f"http://{host}:9")) as client:
        asked = BalanceRequest(ledger_id="ldg_1", currency="USD")
        with no_handle_left(), pytest.raises(errors.NotConnected) as raised:
            client.create_balance(asked)
    assert RAN_OUT in str(raised.value)


def test_a_silent_host_is_named_while_open_files_are_left() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    told = with_bulk_client(
        f"http://127.0.0.1:{port}", lambda client: client.send(endpoints.post_balance("i", b"{}"), "t")
    )
    assert isinstance(told, ConnectFailed)
    assert RAN_OUT not in told.reason


def test_an_import_that_waits_for_open_files_does_not_blame_blnk() -> None:
    reason = open_files.ran_out(OSError(24, "Too many open files"))
    assert reason is not None
    assert why_not(reason) == f"{reason} It is retried automatically."
    assert (
        why_not("No answer.")
        == "Blnk is not responding normally: No answer. It is checked again automatically."
    )
