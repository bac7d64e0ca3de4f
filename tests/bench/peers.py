"""What else people send rows to Blnk with, on the same rows against the same server.

    npm install newman @blnkfinance/blnk-typescript
    python -m tests.bench.peers [--npm FOLDER] [--quick]

`--npm` is the folder in which npm installed the two, by default this one. What is not installed is reported
as that. The table goes to tests/bench/RESULTS.md, unless `--quick` sends fewer rows. None of them remembers
what it sent: after an interruption nobody knows which rows are balances.
"""

import argparse
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import orjson
import requests

from tests.bench.sending import (
    AIM_PER_SECOND,
    LATENCY_SECONDS,
    Run,
    bare_server,
    bench_row,
    kept,
    write_results,
)

TITLE = "Sending: without a cap"
ROWS = 20_000
LEAST_OF_THE_POSSIBLE = 0.9
_HEADERS = {"Authorization": "Bearer t", "Content-Type": "application/json"}
_SDK = """
const {BlnkInit} = require("@blnkfinance/blnk-typescript");
const [url, file] = process.argv.slice(2);
const rows = JSON.parse(require("fs").readFileSync(file));
(async () => {
    const blnk = BlnkInit("t", {baseUrl: url + "/proxy/"});
    const began = performance.now();
    for (const row of rows) {
        const answer = await blnk.LedgerBalances.create(row);
        if (answer.status !== 201) throw new Error(JSON.stringify(answer));
    }
    console.log("\\n" + rows.length / (performance.now() - began) * 1000);
})();
"""


def loop_of_requests(url: str, n: int) -> float:
    """Rows a second of the usual script: one requests.Session, one row after the other."""
    with requests.Session() as session:
        began = time.monotonic()
        for at in range(n):
            _post(session, url, at)
        return n / (time.monotonic() - began)


def pool_of_threads(url: str, n: int, threads: int = 64) -> float:
    local = threading.local()

    def one(at: int) -> None:
        if not hasattr(local, "session"):
            local.session = requests.Session()
        _post(local.session, url, at)

    with ThreadPoolExecutor(threads) as pool:
        began = time.monotonic()
        list(pool.map(one, range(n)))
        return n / (time.monotonic() - began)


def _post(session: requests.Session, url: str, at: int) -> None:
    answer = session.post(
        f"{url}/proxy/balances",
        params={"instance_id": "i"},
        data=bench_row(at).body,
        headers=_HEADERS,
        timeout=30,
    )
    assert answer.status_code == 201


def curl_in_parallel(url: str, n: int, at_once: int = 64) -> float:
    """Rows a second of one curl for all rows, which reads what to send from a file."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "rows"
        headers = "".join(f"header = {json.dumps(f'{key}: {value}')}\n" for key, value in _HEADERS.items())
        config.write_text(
            "next\n".join(
                f'url = "{url}/proxy/balances?instance_id=i"\n{headers}output = "/dev/null"\n'
                f"data = {json.dumps((bench_row(at).body or b'').decode())}\n"
                for at in range(n)
            )
        )
        command = ["curl", "--silent", "--parallel", "--parallel-max", str(at_once), "--config", str(config)]
        began = time.monotonic()
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)  # it draws a meter
        took = time.monotonic() - began
    _all_are_there(url, n)
    return n / took


def loop_of_newman(url: str, n: int, npm: Path) -> float | None:
    """Rows a second of Postman's runner, with the rows as its data. None if it is not installed."""
    program = shutil.which("newman", path=f"{npm / 'node_modules' / '.bin'}{os.pathsep}{os.environ['PATH']}")
    if program is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        collection, data = Path(folder) / "collection.json", Path(folder) / "rows.json"
        request = {
            "method": "POST",
            "url": f"{url}/proxy/balances?instance_id=i",
            "header": [{"key": key, "value": value} for key, value in _HEADERS.items()],
            "body": {"mode": "raw", "raw": "{{row}}"},
        }
        schema = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
        item = [{"name": "Create", "request": request}]
        collection.write_bytes(orjson.dumps({"info": {"name": "Rows", "schema": schema}, "item": item}))
        data.write_bytes(orjson.dumps([{"row": (bench_row(at).body or b"").decode()} for at in range(n)]))
        began = time.monotonic()
        subprocess.run([program, "run", str(collection), "-d", str(data), "--silent"], check=True)
        took = time.monotonic() - began
    _all_are_there(url, n)
    return n / took


def loop_of_sdk(url: str, n: int, npm: Path) -> float | None:
    """Rows a second of Blnk's SDK, one after the other. None if it is not installed."""
    if not (npm / "node_modules" / "@blnkfinance").exists():
        return None
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "rows.json"
        data.write_bytes(b"[" + b",".join(bench_row(at).body or b"" for at in range(n)) + b"]")
        command = ["node", "-e", _SDK, "-", url, str(data)]
        told = subprocess.check_output(command, cwd=npm, text=True)
    _all_are_there(url, n)
    return float(told.split()[-1])


def _all_are_there(url: str, n: int) -> None:
    balances = requests.get(f"{url}/stats", timeout=30).json()["balances"]
    assert balances == n, f"{balances} of {n} were created"


def table(npm: Path, n: int) -> str:
    """Each on a server of its own: theirs one after the other, then ours."""
    lines = ["| what, without a cap, at 50 ms | measured | bound |", "| --- | --- | --- |"]
    return "\n".join([*lines, *_measured(npm, n)])


def _measured(npm: Path, n: int) -> list[str]:
    told, rates = [], {}
    for name, rows, send in (
        ("a loop of single requests", 200, loop_of_requests),
        ("a loop of Blnk's SDK for TypeScript", 200, lambda url, rows: loop_of_sdk(url, rows, npm)),
        ("newman, Postman's runner", 200, lambda url, rows: loop_of_newman(url, rows, npm)),
        ("requests in a pool of 64 threads", n // 4, pool_of_threads),
        ("curl --parallel, 64 at once", n // 4, curl_in_parallel),
    ):
        with bare_server(latency_seconds=LATENCY_SECONDS) as url:
            rates[name] = send(url, rows)
        rate = rates[name]
        told.append(f"| {name} | {'not installed' if rate is None else f'{rate:,.0f} rows a second'} | |")
    for at_once in (64, 83):
        with bare_server(latency_seconds=LATENCY_SECONDS) as url:
            run = Run(url, n, cap=1_000_000, most_at_once=at_once)
            run.send()
        rate, cpu = run.between(100, n)
        possible = min(at_once / LATENCY_SECONDS, AIM_PER_SECOND)
        told.append(
            f"| Balance Desk, {at_once} at once | {rate:,.0f} rows a second, {rate / possible:.1%} of "
            f"{possible:,.0f}; {cpu:.0f} µs of CPU a row "
            f"| at least {LEAST_OF_THE_POSSIBLE:.0%}: {kept(rate / possible >= LEAST_OF_THE_POSSIBLE)} |"
        )
    return told


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--npm", type=Path, default=Path())
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    told = table(options.npm, 1_000 if options.quick else ROWS)
    print(told)
    if not options.quick:
        write_results(TITLE, "python -m tests.bench.peers", told)


if __name__ == "__main__":
    main()
