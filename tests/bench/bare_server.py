"""A Blnk with nothing in it: answers POST /proxy/balances and the filters from memory, as fast as Python can.

    python -m tests.bench.bare_server --latency 0.05 [--cap 100000] [--holds 1000000]

Prints its port. For measuring the sender: Practice is too slow for that. With `--cap` it answers 429 to
whatever a strict window of one minute would reject. With `--holds` it begins with the balances of this many
rows of the benchmark.
"""

import argparse
import asyncio
import bisect
import sys
import time
from collections import deque
from typing import Any, ClassVar

import orjson
import uvloop


class World:
    """Balances in the order of their creation, no two in the same microsecond."""

    def __init__(self) -> None:
        self.by_ref: dict[str, int] = {}
        self.moments: list[str] = []
        self.bodies: list[bytes] = []
        self.refused = 0
        self._newest = 0

    def create(self, body: bytes) -> bytes:
        asked = orjson.loads(body)
        n = len(self.bodies)
        self._newest = max(time.time_ns() // 1000, self._newest + 1)
        seconds, micros = divmod(self._newest, 1_000_000)
        moment = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{micros:06d}Z"
        told = orjson.dumps(
            {
                "balance": 0, "version": 0, "inflight_balance": 0, "credit_balance": 0,
                "inflight_credit_balance": 0, "debit_balance": 0, "inflight_debit_balance": 0,
                "ledger_id": asked["ledger_id"], "identity_id": asked.get("identity_id", ""),
                "balance_id": f"bln_{n:032x}", "currency": asked["currency"], "created_at": moment,
                "inflight_expires_at": "0001-01-01T00:00:00Z", "meta_data": asked.get("meta_data"),
                "track_fund_lineage": False, "allocation_strategy": "FIFO",
            }
        )  # fmt: skip
        self.by_ref[asked["meta_data"]["import_ref"]] = n
        self.moments.append(moment)
        self.bodies.append(told)
        return told

    def search(self, body: bytes, page: int, page_size: int) -> bytes:
        start, refs, ids = 0, None, None
        for one in orjson.loads(body)["filters"]:
            if one["field"] == "created_at":
                start = bisect.bisect_left(self.moments, one["value"])
            elif one["field"] == "meta_data.import_ref" and one["operator"] == "in":
                refs = one["values"]
            elif one["field"] == "balance_id":
                ids = [int(id.removeprefix("bln_"), 16) for id in one["values"]]
        if refs is not None:
            found = [self.by_ref[ref] for ref in refs if ref in self.by_ref]
        elif ids is not None:
            found = [n for n in ids if n < len(self.bodies)]
        else:
            first = start + (page - 1) * page_size
            found = list(range(first, min(first + page_size, len(self.bodies))))
        data = b",".join(self.bodies[n] for n in found)
        return b'{"data":[' + data + b'],"total":%d,"stats":{}}' % len(self.bodies)


LEDGER = b'{"ledger_id":"ldg_11111111-1111-4111-8111-111111111111","name":"Bench","meta_data":{}}'
IDENTITY = b'{"identity_id":"idt_aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa","first_name":"Bench","meta_data":{}}'


class Server(asyncio.Protocol):
    """HTTP/1.1 with keep-alive; one request at a time on a connection."""

    def __init__(self, world: World, latency_seconds: float, cap_per_minute: int | None) -> None:
        self._world = world
        self._latency = latency_seconds
        self._cap = cap_per_minute
        self._buffer = b""
        self._transport: Any

    window: ClassVar[deque[float]] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end].lower()
        at = head.find(b"content-length:")
        length = (
            int(head[at + 15 : head.find(b"\r\n", at) if head.find(b"\r\n", at) > 0 else None])
            if at > 0
            else 0
        )
        if len(self._buffer) < end + 4 + length:
            return
        body = self._buffer[end + 4 : end + 4 + length]
        line = self._buffer[: self._buffer.find(b"\r\n")].decode()
        self._buffer = b""
        status, told = self._answer(line, body)
        reply = b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (
            status,
            len(told),
        )
        asyncio.get_running_loop().call_later(self._latency, self._write, reply + told)

    def _write(self, reply: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(reply)

    def _answer(self, line: str, body: bytes) -> tuple[int, bytes]:
        _, target, _ = line.split(" ", 2)
        if not self._may_pass():
            self._world.refused += 1
            return 429, b'{"error":"too many requests"}'
        if target.startswith("/proxy/balances"):
            return 201, self._world.create(body)
        if target.startswith("/balances/filter"):
            query = dict(part.split("=") for part in target.partition("?")[2].split("&"))
            return 200, self._world.search(body, int(query.get("page", 1)), int(query.get("pageSize", 100)))
        if target.startswith(("/data/ledgers", "/ledger/filter", "/data/identities", "/identities/filter")):
            one = LEDGER if "/ledger" in target else IDENTITY
            return 200, b'{"data":[%s],"total":1}' % (b"" if "page=2" in target else one)
        if target.startswith("/stats"):
            first = self._world.moments[0] if self._world.moments else None
            counts = {"balances": len(self._world.bodies), "refused": self._world.refused}
            return 200, orjson.dumps({**counts, "first": first})
        return 404, b"{}"

    def _may_pass(self) -> bool:
        if self._cap is None:
            return True
        now = time.monotonic()
        while self.window and self.window[0] <= now - 60:
            self.window.popleft()
        if len(self.window) >= self._cap:
            return False
        self.window.append(now)
        return True


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--latency", type=float, default=0.05)
    parser.add_argument("--cap", type=int)
    parser.add_argument("--holds", type=int, default=0)
    options = parser.parse_args()
    world = World()
    if options.holds:
        from tests.bench.sending import bench_row

        for at in range(options.holds):
            world.create(bench_row(at).body or b"")
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Server(world, options.latency, options.cap), "127.0.0.1", 0, backlog=1024
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)  # closes with its parent
    await ended.wait()


if __name__ == "__main__":
    uvloop.run(main())
