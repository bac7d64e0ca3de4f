"""What a command and an idle sender cost in processor time, in this version or in an earlier one."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import requests

from tests.bench.sending import bare_server, bench_row, cpu_seconds

_TICKS = os.sysconf("SC_CLK_TCK")
_SETTLED_SECONDS = 5.0


def until_first_post(folder: Path, n: int) -> float:
    """CPU seconds of `import FILE`, with every process that it starts, until Blnk has the first balance."""
    with bare_server(latency_seconds=0.0) as url, tempfile.TemporaryDirectory() as home:
        env = _environment(Path(home), url)
        file = Path(home) / "rows.csv"
        cells = [bench_row(at).cells for at in range(n)]
        file.write_text(
            "ledger_id,currency,identity_id,customer,branch\n"
            + "".join(f"{one[0]},{one[1]},{one[2]},customer-{at:07d},Lagos\n" for at, one in enumerate(cells))
        )
        command = [sys.executable, "-m", "blnk_api", "import", str(file), "--yes"]
        process = subprocess.Popen(
            command, env=env, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            with requests.Session() as session:
                while not session.get(f"{url}/stats", timeout=10).json()["balances"]:
                    assert process.poll() is None, "the command ended before it sent anything"
                    time.sleep(0.005)
            return _of_all(process.pid) / _TICKS
        finally:
            process.kill()
            process.wait()


def idle_share(folder: Path, seconds: float) -> float:
    """The share of one core that an idle sender uses."""
    is_new = (folder / "blnk_api" / "worker" / "main.py").exists()
    module = "blnk_api.worker.main" if is_new else "blnk_api.imports.worker"
    with bare_server(latency_seconds=0.0) as url, tempfile.TemporaryDirectory() as home:
        env = _environment(Path(home), url)
        process = subprocess.Popen(
            [sys.executable, "-m", module], env=env, cwd=folder, stderr=subprocess.DEVNULL
        )
        try:
            time.sleep(_SETTLED_SECONDS)
            before, began = cpu_seconds(process.pid), time.monotonic()
            time.sleep(seconds)
            assert process.poll() is None, "the sender ended"
            return (cpu_seconds(process.pid) - before) / (time.monotonic() - began)
        finally:
            process.terminate()
            process.wait()


def _environment(home: Path, url: str) -> dict[str, str]:
    secrets = home / "secrets.toml"
    secrets.write_text(
        f'practice = false\n[connections.here]\nbase_url = "{url}"\ninstance_id = "i"\n'
        f'environment = "sandbox"\naccess_token = "t"\nrequests_per_minute = 100000\n'
    )
    # An installed desk is compiled before its first command; what a machine of developers asks for is not.
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**environ, "BLNK_DATA_DIR": str(home), "BLNK_SECRETS_FILE": str(secrets)}


def _of_all(pid: int) -> int:
    """Ticks of a process, of those that it waited for, and of its children that are still running."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        children = [
            one
            for task in Path(f"/proc/{pid}/task").iterdir()
            for one in (task / "children").read_text().split()
        ]
    except OSError:
        return 0
    return sum(map(int, fields[11:15])) + sum(_of_all(int(one)) for one in children)
