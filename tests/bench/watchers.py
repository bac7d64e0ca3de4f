"""Sessions that watch a page without a browser: they use Streamlit's own protocol, and draw nothing.

A tab of a browser costs more than the server spends on it, and twenty of them on the machine that is measured
would be measured too. These send what a tab sends: a run of the page, then a run of each of its moving parts
as often as the page asks for it.
"""

import asyncio
import threading
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType
from typing import Self

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState, ContextInfo
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

_START_SECONDS = 60.0


class Watchers:
    """n sessions on one page, from entering to leaving; it is entered once each has seen the whole page."""

    def __init__(self, url: str, page: str, query: str, n: int) -> None:
        self._address = f"{url.replace('http', 'ws', 1)}/_stcore/stream"
        self._page, self._query = page, query
        self._context = ContextInfo(timezone="UTC", locale="en-GB", url=f"{url}/{page}?{query}")
        self._n = n
        self._seen = threading.Semaphore(0)
        self.runs = 0
        """Of pages and of their parts, by all sessions."""
        self._thread = threading.Thread(target=lambda: asyncio.run(self._all()), daemon=True)
        self._loop: asyncio.AbstractEventLoop
        self._task: asyncio.Task[None]

    def __enter__(self) -> Self:
        self._thread.start()
        for _ in range(self._n):
            assert self._seen.acquire(timeout=_START_SECONDS), "a watcher does not see the page"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join()

    async def _all(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._together())
        with suppress(asyncio.CancelledError):
            await self._task

    async def _together(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(self._n):
                group.create_task(self._watch())

    async def _watch(self) -> None:
        moving: dict[str, asyncio.Task[None]] = {}
        seen = False
        async with connect(
            self._address, subprotocols=[Subprotocol("streamlit")], max_size=None, proxy=None
        ) as socket:
            await self._run(socket)
            try:
                async for data in socket:
                    assert isinstance(data, bytes)
                    said = ForwardMsg.FromString(data)
                    match said.WhichOneof("type"):
                        case "auto_rerun":
                            part = said.auto_rerun
                            _stop(moving, [part.fragment_id])
                            asking = self._again(socket, part.fragment_id, part.interval)
                            moving[part.fragment_id] = asyncio.create_task(asking)
                        case "stop_auto_rerun":
                            _stop(moving, said.stop_auto_rerun.fragment_ids)
                        case "script_finished":
                            self.runs += 1
                            if not seen:
                                seen = True
                                self._seen.release()
            finally:
                _stop(moving, list(moving))

    async def _again(self, socket: ClientConnection, part: str, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            await self._run(socket, part)

    async def _run(self, socket: ClientConnection, part: str = "") -> None:
        state = ClientState(
            page_name=self._page,
            query_string=self._query,
            context_info=self._context,
            fragment_id=part,
            is_auto_rerun=bool(part),
        )
        await socket.send(BackMsg(rerun_script=state).SerializeToString())


def _stop(moving: dict[str, asyncio.Task[None]], parts: Iterable[str]) -> None:
    for part in parts:
        if task := moving.pop(part, None):
            task.cancel()
