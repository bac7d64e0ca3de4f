"""Runs Practice as a process: one for each data folder, on 127.0.0.1 only, ending at once on request."""

import asyncio
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import NoReturn

import orjson
import uvicorn
from filelock import FileLock, Timeout
from starlette.applications import Starlette
from starlette.routing import Mount
from uvicorn.protocols.http.h11_impl import H11Protocol

from blnk_api.common import private_files
from blnk_api.common.practice_address import RUNNING_FILE, Practice, folder_of
from blnk_api.practice.api.core import Version
from blnk_api.practice.control_routes import Door
from blnk_api.practice.instance import World
from blnk_api.practice.request_handling import Front
from blnk_api.practice.seed import Seed

HOST = "127.0.0.1"
KEEP_ALIVE_SECONDS = 120
"""Long, so that no idle connection closes just as a client uses it, which would look like a lost answer."""

_DATE_SECONDS = 1.0


class AlreadyRunning(RuntimeError):
    """Another process serves this data folder."""


class PortTaken(RuntimeError):
    """Another program uses the requested port."""


class _OpenLine(H11Protocol):
    """Gives the app access to the connection itself, so that it can break it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.app_state = {**self.app_state, "transport": transport}
        super().connection_made(transport)


class _Server(uvicorn.Server):
    def __init__(
        self, config: uvicorn.Config, ready: Callable[[], None], leave: Callable[[], NoReturn]
    ) -> None:
        super().__init__(config)
        self._ready, self._leave = ready, leave

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    async def main_loop(self) -> None:
        """Uvicorn's own looks ten times a second whether it should end, which `handle_exit` does."""
        while True:
            await self.on_tick(0)  # sets the date that answers carry
            await asyncio.sleep(_DATE_SECONDS)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._leave()


def serve(
    data_dir: Path,
    *,
    port: int | None,
    seed: Seed | None,
    version: Version,
    stop_with_stdin: bool,
    announce: Callable[[Practice], None],
) -> NoReturn:
    """Serves until told to stop. `announce` is called once it listens.

    Without a port, it takes its last one if that is free, otherwise any. Raises AlreadyRunning, PortTaken, or
    OSError and sqlite3.Error if the data folder cannot be used.
    """
    private_files.keep_files_private()
    folder = folder_of(data_dir)
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise AlreadyRunning(f"Practice already runs in {folder}") from None
    world = World(folder / "practice.sqlite", seed, version)
    listening = _listen(port, int(world.store.kept("port") or 0))
    taken_port = listening.getsockname()[1]
    world.store.keep("port", str(taken_port))
    practice = Practice(
        url=f"http://{HOST}:{taken_port}",
        port=taken_port,
        pid=os.getpid(),
        instance_id=world.instance_id,
        token=world.token,
        core_key=world.core_key,
        door_key=world.door_key,
    )

    def ready() -> None:
        _write(folder / RUNNING_FILE, orjson.dumps(asdict(practice)))
        announce(practice)

    def leave() -> NoReturn:
        """Ends at once, whatever hangs: SQLite's file survives any end of the process."""
        sys.stdout.flush()
        os._exit(0)

    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    config = uvicorn.Config(
        _app(world),
        http=_OpenLine,
        ws="none",
        lifespan="off",
        loop="uvloop",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    if stop_with_stdin:
        threading.Thread(target=_leave_with_stdin, args=(leave,), daemon=True).start()
    _Server(config, ready, leave).run(sockets=[listening])
    leave()


def _app(world: World) -> Starlette:
    return Starlette(routes=[Mount("/_practice", routes=Door(world).routes()), Mount("/", app=Front(world))])


def _listen(port: int | None, last_port: int) -> socket.socket:
    for wanted in (port,) if port is not None else (last_port, 0):
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, wanted))
            listening.listen(1024)
        except OSError:
            listening.close()
        else:
            return listening
    raise PortTaken(f"port {port} of {HOST} is taken by another program")


def _leave_with_stdin(leave: Callable[[], NoReturn]) -> None:
    while os.read(0, 4096):
        pass
    leave()


def _write(path: Path, content: bytes) -> None:
    """Written atomically, so that no reader sees half of it. The umask makes it readable by its owner
    only."""
    draft = path.with_suffix(".new")
    draft.write_bytes(content)
    draft.replace(path)
