"""Practice as a process: one for each folder, found or started, gone at once, its data kept."""

import re
import shlex
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import orjson
import pytest
import requests

from blnk_api.common.practice_address import RUNNING_FILE, folder_of, last_known
from blnk_api.practice.launch import ALREADY_RUNNING, PracticeNotStarted, find_or_start, running
from tests.support.importer import wait_until
from tests.support.practice import PracticeBlnk

REQUEST = {"ledger_id": "general_ledger_id", "currency": "USD", "meta_data": {"import_ref": "a"}}
ENVIRONMENT = Path(__file__).parents[1] / "samples" / "environment.json"
END_SECONDS = 120.0
COMMAND = [sys.executable, "-m", "blnk_api.practice"]


@pytest.fixture
def blnk(tmp_path: Path) -> Iterator[PracticeBlnk]:
    with PracticeBlnk(tmp_path) as blnk:
        yield blnk


@pytest.fixture
def hanging(blnk: PracticeBlnk) -> Iterator[PracticeBlnk]:
    """A Practice in which two requests hang and an idle connection stands open."""
    blnk.order_fault("hang")

    def wait_in_vain() -> None:
        with pytest.raises(requests.ConnectionError):
            blnk.cloud("POST", "proxy/balances", REQUEST)

    callers = [threading.Thread(target=wait_in_vain) for _ in range(2)]
    with socket.create_connection(("127.0.0.1", blnk.practice.port)):
        for caller in callers:
            caller.start()
        wait_until(lambda: blnk.requests()["total"] == 2, lambda: "they do not arrive")
        yield blnk
    for caller in callers:
        caller.join(END_SECONDS)


def test_it_ends_with_its_stdin_although_requests_hang(hanging: PracticeBlnk) -> None:
    assert hanging.process.stdin is not None
    hanging.process.stdin.close()
    hanging.process.wait(END_SECONDS)
    assert running(hanging.data_dir) is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_after_a_signal_although_requests_hang(hanging: PracticeBlnk, number: signal.Signals) -> None:
    hanging.process.send_signal(number)
    assert hanging.process.wait(END_SECONDS) == 0
    assert running(hanging.data_dir) is None


def test_it_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, pathlib; from blnk_api.practice.launch import find_or_start;"
            "held = find_or_start(pathlib.Path(sys.argv[1]), 120); print(held[0].pid, flush=True); input()",
            str(tmp_path),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    assert parent.stdin is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    parent.stdin.close()
    command = Path(f"/proc/{pid}/cmdline")
    wait_until(lambda: not command.exists() or not command.read_bytes(), lambda: "it goes on")


def test_balances_keys_and_port_survive_a_kill(blnk: PracticeBlnk) -> None:
    before = blnk.practice
    made = [blnk.create_balance(**REQUEST)["balance_id"] for _ in range(20)]
    blnk.kill()
    assert running(blnk.data_dir) is None
    blnk.start_again()
    after = blnk.practice
    assert [each["balance_id"] for each in blnk.balances()] == made
    assert (after.url, after.instance_id, after.token) == (before.url, before.instance_id, before.token)
    assert (after.core_key, after.door_key) == (before.core_key, before.door_key)


def test_its_last_announcement_outlives_it(blnk: PracticeBlnk) -> None:
    blnk.stop()
    assert last_known(blnk.data_dir) == blnk.practice
    assert running(blnk.data_dir) is None


def test_it_takes_another_port_when_that_of_last_time_is_taken(blnk: PracticeBlnk) -> None:
    last_port = blnk.practice.port
    blnk.stop()
    with socket.create_server(("127.0.0.1", last_port)):
        blnk.start_again()
        assert blnk.practice.port != last_port
        assert blnk.cloud("GET", "data/ledgers").status_code == 200


def test_a_requested_port_that_is_taken_is_an_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = subprocess.run(
            [*COMMAND, "--port", str(port), "--data-dir", str(tmp_path)],
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert ended.returncode == 1
    assert str(port) in ended.stderr
    assert "Traceback" not in ended.stderr


def test_each_folder_has_one_and_a_second_one_says_where_the_first_is(blnk: PracticeBlnk) -> None:
    ended = subprocess.run(
        [*COMMAND, "--data-dir", str(blnk.data_dir)], capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == ALREADY_RUNNING
    assert blnk.url in ended.stderr
    assert blnk.cloud("GET", "data/ledgers").status_code == 200


def test_two_processes_that_start_it_at_once_share_one(tmp_path: Path) -> None:
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(lambda _: find_or_start(tmp_path, END_SECONDS), range(2)))
    processes = [process for _, process in found if process is not None]
    assert found[0][0] == found[1][0]
    assert [each.pid for each in processes] == [found[0][0].pid]
    for process in processes:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    assert process.stdin is not None
    process.stdin.close()


def test_a_restarted_one_is_not_confused_with_the_one_before_it(tmp_path: Path) -> None:
    """It answers at its old address a moment before it has said that it is another process now."""
    for _ in range(10):
        practice, process = find_or_start(tmp_path, END_SECONDS)
        assert process is not None
        assert process.pid == practice.pid
        assert process.poll() is None
        end(process)


def test_a_running_one_is_found_and_not_started(blnk: PracticeBlnk) -> None:
    assert find_or_start(blnk.data_dir) == (blnk.practice, None)


def test_one_that_cannot_start_is_abandoned_at_once_and_its_log_is_named(tmp_path: Path) -> None:
    folder_of(tmp_path).mkdir()
    (folder_of(tmp_path) / "practice.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(PracticeNotStarted, match="log"):
        find_or_start(tmp_path, timeout_seconds=86_400)
    assert "cannot start" in (folder_of(tmp_path) / "log").read_text()


def test_the_remains_of_a_killed_one_are_not_taken_for_a_running_one(
    blnk: PracticeBlnk, tmp_path: Path
) -> None:
    left = (folder_of(blnk.data_dir) / RUNNING_FILE).read_bytes()
    other = tmp_path / "other"
    folder_of(other).mkdir(parents=True)
    told = orjson.loads(left)
    (folder_of(other) / RUNNING_FILE).write_bytes(orjson.dumps({**told, "instance_id": "instance_other"}))
    assert running(other) is None
    (folder_of(other) / RUNNING_FILE).write_bytes(left[:20])
    assert running(other) is None
    blnk.kill()
    assert running(blnk.data_dir) is None


def test_only_the_owner_can_read_its_keys(blnk: PracticeBlnk) -> None:
    for name in (RUNNING_FILE, "practice.sqlite"):
        assert stat.S_IMODE((folder_of(blnk.data_dir) / name).stat().st_mode) == 0o600


def test_no_key_is_in_its_log_or_its_repr(blnk: PracticeBlnk) -> None:
    blnk.cloud("POST", "proxy/balances", REQUEST)
    blnk.cloud("GET", "data/ledgers", token="wrong")
    blnk.stop()
    shown = (folder_of(blnk.data_dir) / "log").read_text() + repr(blnk.practice)
    assert blnk.url in shown
    for secret in (blnk.token, blnk.core_key, blnk.practice.door_key):
        assert secret not in shown


def test_a_seed_file_provides_its_ids_and_nothing_else(tmp_path: Path) -> None:
    wanted = orjson.loads(ENVIRONMENT.read_bytes())
    with PracticeBlnk(tmp_path, seed=ENVIRONMENT) as blnk:
        ledgers = blnk.cloud("GET", "data/ledgers").json()["data"]
        identities = blnk.cloud("GET", "data/identities").json()["data"]
        blnk.create_ledger("Short-lived")
        blnk.reset()
        assert blnk.cloud("GET", "data/ledgers").json()["total"] == len(ledgers)
    assert {each["ledger_id"]: each["name"] for each in ledgers} == wanted["ledgers"]
    names = {
        each["identity_id"]: each["organization_name"] or f"{each['first_name']} {each['last_name']}"
        for each in identities
    }
    assert names == wanted["identities"]


@pytest.mark.parametrize("content", ["[]", "{", '{"ledgers": ["a"]}'])
def test_a_malformed_seed_file_is_an_error(tmp_path: Path, content: str) -> None:
    seed = tmp_path / "seed.json"
    seed.write_text(content)
    ended = subprocess.run(
        [*COMMAND, "--seed", str(seed), "--data-dir", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 1
    assert "cannot start" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(("said", "knows"), [("0.15.2", False), ("0.15.3", True), ("main", True)])
def test_it_imitates_the_requested_core(tmp_path: Path, said: str, knows: bool) -> None:
    """0.15.3 is the release that knows indicators; it was called main before."""
    with PracticeBlnk(tmp_path, core=said) as blnk:
        made = blnk.create_balance(**REQUEST, indicator="@cash")
    assert made.get("indicator") == ("@cash" if knows else None)


def test_alone_it_prints_a_command_that_creates_a_balance(tmp_path: Path) -> None:
    command = [*COMMAND, "--data-dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        printed = ""
        while "Ctrl-C" not in printed:
            printed += process.stdout.readline()
        curl = re.search(r"curl .*?\n\n", printed, re.S)
        assert curl is not None
        words = shlex.split(curl[0].replace("\\\n", " "))
        options = list(pairwise(words))
        headers = dict(value.split(": ", 1) for option, value in options if option == "-H")
        body = next(value for option, value in options if option == "-d")
        url = next(word for word in words if word.startswith("http"))
        answer = requests.post(url, data=body, headers=headers, timeout=120)
        process.send_signal(signal.SIGINT)
    assert answer.status_code == 201
    assert answer.json()["meta_data"] == orjson.loads(body)["meta_data"]
    assert process.returncode == 0


def test_a_started_one_is_tied_to_the_pipe_and_not_to_the_folder_it_was_started_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with PracticeBlnk(Path("data")) as blnk:
        assert blnk.cloud("GET", "data/ledgers").status_code == 200
        assert running(tmp_path / "data") == blnk.practice
