"""One Practice instance: its store, its APIs, its keys, and the switches of the control routes."""

import asyncio
import secrets
import time
from pathlib import Path

from blnk_api.practice.api.access import Access
from blnk_api.practice.api.cloud import Cloud
from blnk_api.practice.api.core import CLEAR, Core, Version, View
from blnk_api.practice.api.exchange import ApiRequest, Reply
from blnk_api.practice.api.filters import metadata_text
from blnk_api.practice.api.limits import Window
from blnk_api.practice.contents import Store
from blnk_api.practice.faults import FaultBook
from blnk_api.practice.request_log import RequestLog
from blnk_api.practice.seed import DEFAULT, Seed, read_seed, sow

_KEYS = {
    "instance_id": "instance_practice_",
    "token": "blnk_practice_",
    "core_key": "core_practice_",
    "door_key": "door_practice_",
}


class World:
    """Opens a file that is created on first use, with keys that never change afterwards."""

    def __init__(self, path: Path, seed: Seed | None, version: Version) -> None:
        self.store = Store(path)
        for name, prefix in _KEYS.items():
            if self.store.kept(name) is None:
                self.store.keep(name, prefix + secrets.token_hex(20))
        self.instance_id, self.token, self.core_key, self.door_key = (self._kept(name) for name in _KEYS)
        if seed is not None or self.store.kept("seed") is None:
            self.store.keep("seed", (seed or DEFAULT).as_json())
        self._first_version: Version = version
        self.access = Access(self.store)
        self.core = Core(self.store, self.core_key, version)
        self.cloud = Cloud(self.core, self.access, self.instance_id)
        self.faults = FaultBook()
        self.log = RequestLog()
        self.limit = Window()
        self._late: set[asyncio.Task[None]] = set()
        self._begin()

    def serve(self, request: ApiRequest, view: View = CLEAR, created_ns: int | None = None) -> Reply:
        """The answer of Core or Cloud. `created_ns` as in Core.serve."""
        if request.path[0] == "core":
            inner = ApiRequest(request.method, request.path[1:], request.query, request.headers, request.body)
            return self.core.answer(inner, view, created_ns)
        return self.cloud.answer(request, view, created_ns)

    def serve_later(self, request: ApiRequest, seconds: float) -> None:
        """Does the work later, dated now: Core dates a balance before it reaches the database."""
        taken_in_ns = self.store.now_ns()

        async def serve() -> None:
            await asyncio.sleep(seconds)
            self.serve(request, created_ns=taken_in_ns)

        task = asyncio.get_running_loop().create_task(serve())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    def other_ref(self, balance_id: str) -> str:
        """The import_ref of the newest other balance that has one, or an invented one."""
        ref = metadata_text("import_ref")
        found = self.store.db.execute(
            f"SELECT {ref} FROM balances WHERE balance_id != ? AND {ref} IS NOT NULL "
            "ORDER BY seq DESC LIMIT 1",
            (balance_id,),
        ).fetchone()
        return str(found[0]) if found else f"of-another-row-{time.monotonic_ns()}"

    def reset(self) -> None:
        """Restores the initial state, with the same keys. Pending late commits are dropped."""
        for task in self._late:
            task.cancel()
        self.faults.clear()
        self.log.clear()
        self.limit = Window()
        self.core.version = self._first_version
        self.cloud.sorts = True
        self.store.empty()
        self._begin()

    def _begin(self) -> None:
        sow(self.store, read_seed(self._kept("seed")))
        self.access.keep_token(self.token, ["*"])

    def _kept(self, name: str) -> str:
        value = self.store.kept(name)
        assert value is not None
        return value
