"""What aiohttp on uvloop costs by itself: rows of the benchmark at a steady pace, their answers read and
thrown away. No store, no lanes, nothing remembered: the floor under the sender's CPU time on this machine.

    python -m tests.bench.bare_client URL ROWS ROWS_PER_SECOND

Prints µs of CPU a row.
"""

import asyncio
import gc
import sys
import time

import aiohttp
import uvloop
from yarl import URL

from tests.bench.sending import bench_row

TICK_SECONDS = 0.02


async def send(url: str, n: int, per_second: float) -> float:
    bodies = [bench_row(at).body for at in range(n)]
    address = URL(f"{url}/proxy/balances?instance_id=i")
    headers = {"Authorization": "Bearer t", "Content-Type": "application/json"}
    gc.freeze()
    gc.set_threshold(20_000, 50, 50)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=256),
        timeout=aiohttp.ClientTimeout(total=None),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=headers,
    ) as session:

        async def post(body: bytes | None) -> None:
            async with session.post(address, data=body, allow_redirects=False) as answer:
                assert answer.status == 201, answer.status
                await answer.read()

        cpu, began, left = time.process_time(), time.monotonic(), 0
        async with asyncio.TaskGroup() as group:
            while left < n:
                await asyncio.sleep(TICK_SECONDS)
                may_have_left = min(n, int((time.monotonic() - began) * per_second))
                for body in bodies[left:may_have_left]:
                    group.create_task(post(body))
                left = may_have_left
        return (time.process_time() - cpu) / n * 1e6


if __name__ == "__main__":
    url, n, per_second = sys.argv[1:]
    print(uvloop.run(send(url, int(n), float(per_second))))
