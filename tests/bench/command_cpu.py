"""What a command, a draft, a first heading and an idle desk cost: of this version, or of an earlier one's."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests
from playwright.sync_api import Browser

from tests.bench.sending import bare_server, bench_row, cpu_seconds
from tests.support.browser import PATIENCE_MS

_TICKS = os.sysconf("SC_CLK_TCK")
_SETTLED_SECONDS = 10.0
_URL = re.compile(r"URL: (http://\S+)")


def until_first_post(folder: Path, n: int) -> tuple[float, float]:
    """CPU seconds of `import FILE`, with every process that it starts, until Blnk has its first balance: in a
    new data folder, and of the next file there."""
    with bare_server(latency_seconds=0.0) as url, tempfile.TemporaryDirectory() as home:
        env = _environment(Path(home), url)
        return _until_first_post(folder, env, url, "first", n), _until_first_post(folder, env, url, "next", n)


def _until_first_post(folder: Path, env: dict[str, str], url: str, name: str, n: int) -> float:
    command = [*_COMMAND, "import", str(_file(env, name, n)), "--yes"]
    process = subprocess.Popen(
        command, env=env, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        with requests.Session() as session:
            before = took = None
            while took is None:
                balances = session.get(f"{url}/stats", timeout=10).json()["balances"]
                before = balances if before is None else before
                if balances > before:
                    took = _of_all(process.pid) / _TICKS
                assert process.poll() is None, "the command ended before it sent anything"
                time.sleep(0.005)
        process.wait()
        return took
    finally:
        process.kill()
        process.wait()


def checked(folder: Path, n: int) -> float:
    """Seconds of `import FILE --dry-run`: from the start of the command to the verdict on a draft."""
    with bare_server(latency_seconds=0.0) as url, tempfile.TemporaryDirectory() as home:
        env = _environment(Path(home), url)
        command = [*_COMMAND, "import", str(_file(env, "draft", n)), "--dry-run"]
        began = time.monotonic()
        subprocess.run(command, env=env, cwd=folder, check=True, capture_output=True)
        return time.monotonic() - began


_UPLOADED = """
import sys, time
sys.path.insert(0, ".")
from tests.bench import files

def seconds(here, n):
    path = here.folder / f"{n}.csv"
    files.write_csv(path, files.lines(n))
    time.sleep(1)
    began = time.monotonic()
    id = here.upload(path)
    here.until(id, lambda one: one.stage is files.Stage.CHECKED)
    took = time.monotonic() - began
    here.discard(id)
    return took

with files.place() as here, here.worker():
    seconds(here, 20)
    print(*(seconds(here, int(sys.argv[1])) for _ in range(int(sys.argv[2]))))
"""


def uploaded(folder: Path, n: int, times: int) -> list[float]:
    """Seconds from an upload to the verdict on its draft, beside a sender that has checked a file before."""
    return list(map(float, run_there(folder, _UPLOADED, n, times).split()))


def run_there(folder: Path, script: str, *arguments: object) -> str:
    """What a script prints in a version's worktree."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, env=_installed(), cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout


def idle_seconds(folders: Sequence[Path], seconds: float) -> list[dict[str, float]]:
    """CPU seconds of the processes of a desk of each version with nothing to do: server, sender and Practice.
    Both run at the same time, beside whatever else the machine does."""
    with ExitStack() as stack:
        desks = [stack.enter_context(_desk(folder))[0] for folder in folders]
        time.sleep(_SETTLED_SECONDS)
        pids = [[one.pid, *_children(one.pid)] for one in desks]
        before = {pid: cpu_seconds(pid) for each in pids for pid in each}
        time.sleep(seconds)
        assert all(one.poll() is None for one in desks), "a desk ended"
        return [{_role(pid): cpu_seconds(pid) - before[pid] for pid in each} for each in pids]


def first_heading(folder: Path, browser: Browser) -> float:
    """Seconds until the first visitor of a server reads the heading of the list of imports."""
    with _desk(folder) as (_, url):
        page = browser.new_page()
        page.set_default_timeout(PATIENCE_MS)
        began = time.monotonic()
        page.goto(f"{url}/imports")
        page.get_by_role("heading", name="Imports", exact=True).wait_for()
        took = time.monotonic() - began
        page.close()
        return took


@contextmanager
def _desk(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The app, once it answers, and its address."""
    with tempfile.TemporaryDirectory() as home:
        secrets = Path(home) / "secrets.toml"
        secrets.touch()
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"],
            env={**_installed(), "BLNK_DATA_DIR": home, "BLNK_SECRETS_FILE": str(secrets)},
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert process.stdout is not None
            url = next(found[1] for line in process.stdout if (found := _URL.search(line)))
            while len(_children(process.pid)) < _HELPERS:
                time.sleep(0.05)
            yield process, url
        finally:
            process.terminate()
            process.communicate()


_HELPERS = 2
_COMMAND = [sys.executable, "-m", "blnk_api"]


def _role(pid: int) -> str:
    command = Path(f"/proc/{pid}/cmdline").read_text()
    if "worker" in command:
        return "sender"
    return "server" if "streamlit" in command else "Practice"


def _file(env: dict[str, str], name: str, n: int) -> Path:
    file = Path(env["BLNK_DATA_DIR"]) / f"{name}.csv"
    cells = [bench_row(at).cells for at in range(n)]
    file.write_text(
        "ledger_id,currency,identity_id,customer,branch\n"
        + "".join(f"{one[0]},{one[1]},{one[2]},{name}-{at:07d},Lagos\n" for at, one in enumerate(cells))
    )
    return file


def _environment(home: Path, url: str) -> dict[str, str]:
    secrets = home / "secrets.toml"
    secrets.write_text(
        f'practice = false\n[connections.here]\nbase_url = "{url}"\ninstance_id = "i"\n'
        f'environment = "sandbox"\naccess_token = "t"\nrequests_per_minute = 100000\n'
    )
    return {**_installed(), "BLNK_DATA_DIR": str(home), "BLNK_SECRETS_FILE": str(secrets)}


def _installed() -> dict[str, str]:
    """An installed desk is compiled, whatever the developer's machine asks for."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _of_all(pid: int) -> int:
    """Ticks of a process, of those that it waited for, and of its children that still run."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(map(int, fields[11:15])) + sum(map(_of_all, _own_children(pid)))


def _children(pid: int) -> list[int]:
    own = _own_children(pid)
    return [*own, *(below for one in own for below in _children(one))]


def _own_children(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(one) for task in tasks for one in (task / "children").read_text().split()]
    except OSError:
        return []
