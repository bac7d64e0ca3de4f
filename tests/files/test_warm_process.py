"""Processes that are forked from a warm one behave as if newly started, and end no later."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from blnk_api.common import watched_process
from blnk_api.common.warm_process import Child, WarmProcess
from tests.support.importer import wait_until
from tests.support.json_object import JsonObject

MODULE = "tests.support.process_that_tells"


@pytest.fixture(scope="module")
def warm() -> Iterator[WarmProcess]:
    made = WarmProcess(MODULE)
    yield made
    made._end()


class Started:
    """A child, what it reported, and its standard error after it had ended."""

    def __init__(self, warm: WarmProcess, *arguments: str) -> None:
        read_out, write_out = os.pipe()
        read_err, write_err = os.pipe()
        self.child: Child = warm.start(arguments, stdout=write_out, stderr=write_err)
        os.close(write_out)
        os.close(write_err)
        with os.fdopen(read_out) as out:
            self.told: JsonObject = json.loads(out.readline())
        self._err = read_err

    def end(self) -> tuple[int, str]:
        self.child.stdin.close()
        with os.fdopen(self._err) as err:
            return self.child.wait(180), err.read()


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_it_has_the_arguments_environment_folder_and_streams_of_who_started_it(
    warm: WarmProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for said in ("one", "two"):
        monkeypatch.setenv("SAID", said)
        folder = tmp_path / said
        folder.mkdir()
        monkeypatch.chdir(folder)
        started = Started(warm, "waits", said)
        assert started.told["arguments"] == ["waits", said]
        assert started.told["said"] == said
        assert started.told["folder"] == str(folder)
        assert started.told["group"] == started.told["pid"] == started.child.pid
        assert started.told["open"] == 3
        assert started.end() == (0, "")


@pytest.mark.parametrize(
    ("does", "code", "says"), [("exits", 77, ""), ("fails", 1, "ValueError: no good\n"), ("dies", -9, "")]
)
def test_its_end_is_reported_as_it_was(warm: WarmProcess, does: str, code: int, says: str) -> None:
    ended, said = Started(warm, does).end()
    assert ended == code
    assert said.endswith(says)


def test_two_at_once_are_two_processes_of_one_that_has_imported_what_they_need(warm: WarmProcess) -> None:
    one, other = Started(warm, "waits"), Started(warm, "waits")
    assert one.told["pid"] != other.told["pid"]
    assert one.told["parent"] == other.told["parent"] != os.getpid()
    assert other.told["open"] == 3
    assert other.end()[0] == 0
    assert one.child.poll() is None
    assert one.end()[0] == 0


def test_many_threads_start_each_its_own(warm: WarmProcess) -> None:
    def run(at: int) -> tuple[list[str], int]:
        started = Started(warm, "exits", str(at))
        return started.told["arguments"], started.end()[0]

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(run, range(40))) == [(["exits", str(at)], 77) for at in range(40)]


def test_it_is_waited_for_on_an_event_loop_and_can_be_killed(warm: WarmProcess) -> None:
    async def run() -> int:
        started = Started(warm, "waits")
        waiting = asyncio.create_task(started.child.wait_async())
        assert not (await asyncio.wait({waiting}, timeout=0))[0]
        started.child.kill()
        started.child.kill()
        return await waiting

    assert asyncio.run(run()) == -9


def test_waiting_for_a_moment_reports_that_it_is_still_running(warm: WarmProcess) -> None:
    started = Started(warm, "waits")
    with pytest.raises(subprocess.TimeoutExpired):
        started.child.wait(0.01)
    assert started.end()[0] == 0


def test_when_the_forking_process_is_killed_its_children_end_and_the_next_one_runs() -> None:
    warm = WarmProcess(MODULE)
    started = Started(warm, "waits")
    os.kill(started.told["parent"], signal.SIGKILL)
    assert started.child.wait(180) == -9
    wait_until(lambda: is_gone(started.told["pid"]), lambda: "nobody watches it, and it runs on")
    assert Started(warm, "exits").end()[0] == 77
    warm._end()


def test_it_ends_when_nobody_asks_for_a_while_but_never_under_what_it_started() -> None:
    warm = WarmProcess(MODULE, idle_seconds=0.05)
    first = Started(warm, "waits")
    second = Started(warm, "exits")
    assert second.end()[0] == 77
    assert not is_gone(first.told["parent"])
    assert first.end()[0] == 0
    wait_until(lambda: is_gone(first.told["parent"]), lambda: "it holds its memory for nobody")
    assert Started(warm, "exits").end()[0] == 77
    warm._end()


def test_nothing_is_left_when_who_started_it_is_killed() -> None:
    starts = f"""
import sys
from blnk_api.common.warm_process import WarmProcess
child = WarmProcess({MODULE!r}).start(["waits"])
sys.stdin.read()
"""
    starter = subprocess.Popen(
        [sys.executable, "-c", starts],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=watched_process.environment(),
        text=True,
    )
    assert starter.stdin is not None
    assert starter.stdout is not None
    told = json.loads(starter.stdout.readline())
    starter.kill()
    starter.wait()
    for pid in (told["pid"], told["parent"]):
        wait_until(lambda pid=pid: is_gone(pid), lambda: "it outlives who started it")  # type: ignore[misc]
    starter.stdin.close()
    starter.stdout.close()


FORKS_ITSELF = f"""
import sys
import {MODULE}
from blnk_api.common.warm_process import WarmProcess
first, second = WarmProcess({MODULE!r}), WarmProcess({MODULE!r})
first.fork_here()
second.fork_here()
print(first._process._pid, flush=True)
children = [first.start(["exits"]), first.start(["waits"]), second.start(["waits"])]
print(children[0].wait(), flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("is_killed", [True, False])
def test_a_process_that_has_imported_what_they_need_is_forked_itself(is_killed: bool) -> None:
    """Nothing is imported a second time, and nothing is left when it ends."""
    starter = subprocess.Popen(
        [sys.executable, "-c", FORKS_ITSELF],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=watched_process.environment(),
        text=True,
    )
    assert starter.stdin is not None
    assert starter.stdout is not None
    fork = int(starter.stdout.readline())
    lines = [starter.stdout.readline() for _ in range(4)]
    told = [json.loads(line) for line in lines if line.startswith("{")]
    assert sorted(Counter(one["parent"] for one in told).values()) == [1, 2]
    assert [one["parent"] for one in told].count(fork) == 2, "they tell in any order"
    assert {one["group"] for one in told} == {one["pid"] for one in told}
    assert {one["open"] for one in told} == {3}
    assert "77\n" in lines
    if is_killed:
        starter.kill()
    starter.stdin.close()
    starter.wait()
    for pid in {one[which] for one in told for which in ("pid", "parent")}:
        wait_until(lambda pid=pid: is_gone(pid), lambda: "it outlives who started it")  # type: ignore[misc]
    starter.stdout.close()


def test_a_module_that_cannot_be_imported_is_an_error_at_once() -> None:
    with pytest.raises(OSError, match="could not be started"):
        WarmProcess("tests.support.there_is_no_such_module").start()
