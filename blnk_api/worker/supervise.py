"""Keeps the app's two helpers running: Practice, and the sender.

Both end by themselves when the pipe that is their stdin closes, so that neither outlives the app, even after
a kill -9. Nothing here keeps the server from starting: pages show what is wrong with the settings.
"""

import asyncio
import logging
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from blnk_api import __file__ as _package
from blnk_api import settings
from blnk_api.errors import SettingsProblem
from blnk_api.practice import launch
from blnk_api.store import Store, StoreUnavailable

OWNER = secrets.token_hex(8)
"""Identifies this app in the store's sender table."""

STARTED_AT = time.time()

_sender_failure: str | None = None


def sender_failure() -> str | None:
    """Why this app's sender cannot use the import database, in words. None if it can, or there is none."""
    return _sender_failure


_LOOK_SECONDS = 1.0
_LOOK_AT_OURS_SECONDS = 10.0
"""Whether our own Practice answers: that its process ends is noticed at once."""
_LOOK_WHILE_STARTING_SECONDS = 0.05
_SETTINGS_AGAIN_SECONDS = 2.0
_END_SECONDS = 0.8
"""The wait at the end, used twice: after the pipe is closed, and after a terminate."""
_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 30.0

_log = logging.getLogger(__name__)


@asynccontextmanager
async def helpers(*, before_sender: Awaitable[None] | None = None) -> AsyncIterator[None]:
    """The helpers run while this context is active. It is entered when Practice answers, or is given up.

    `before_sender` is what the first page waits for: the sender, which nobody looks at, starts after it.
    """
    first_look = asyncio.Event()
    task = asyncio.create_task(_supervise(first_look, before_sender))
    await first_look.wait()
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _supervise(first_look: asyncio.Event, before_sender: Awaitable[None] | None) -> None:
    try:
        chosen = await _usable_settings(first_look)
        async with asyncio.TaskGroup() as group:
            practice_tried = asyncio.Event()
            if settings.PRACTICE in chosen.connections:
                group.create_task(_keep_practice(chosen, practice_tried))
                await practice_tried.wait()
            first_look.set()
            if before_sender is not None:
                await before_sender
            if not chosen.sender_elsewhere:
                group.create_task(_keep_sender())
    finally:
        first_look.set()


async def _usable_settings(first_look: asyncio.Event) -> settings.Settings:
    """Waits for settings and a store that work. Meanwhile pages show the problem, and someone may be fixing
    it."""
    told = ""
    while True:
        try:
            chosen = settings.load()
            store = Store(chosen.database_url)
            try:
                await asyncio.to_thread(store.migrate)
            finally:
                store.close()
            return chosen
        except (SettingsProblem, StoreUnavailable, OSError) as problem:
            if told != str(problem):
                told = str(problem)
                _log.error("%s", told)
        first_look.set()
        await asyncio.sleep(_SETTINGS_AGAIN_SECONDS)


async def _keep_practice(chosen: settings.Settings, tried: asyncio.Event) -> None:
    """Uses the data folder's Practice, whoever started it, or starts it, and restarts it whenever it ends.

    One of our processes that finds the folder served by another ends by itself.
    """
    own: subprocess.Popen[bytes] | None = None
    ended: asyncio.Task[int] | None = None
    wait = _FIRST_WAIT_SECONDS
    answered_at = time.monotonic()
    try:
        while True:
            if await asyncio.to_thread(launch.running, chosen.data_dir):
                tried.set()
                wait = _FIRST_WAIT_SECONDS
                await _until_next_look(ended)
                # Silence counts from the next look on. Counted from this answer, one late answer of a busy
                # Practice would be ten seconds of it, and an import would be interrupted.
                answered_at = time.monotonic()
                continue
            silent = time.monotonic() - answered_at > chosen.waits.practice_start
            if silent:
                tried.set()
            if own is not None and own.poll() is None and not silent:
                await asyncio.sleep(_LOOK_WHILE_STARTING_SECONDS)
                continue
            if own is not None:
                _log.error(
                    "Practice does not answer and is being restarted. Its log is practice/log in the data "
                    "folder."
                )
                await _end(own)
                await asyncio.sleep(wait)
                wait = min(wait * 2, _LONGEST_WAIT_SECONDS)
            try:
                own = await asyncio.to_thread(launch.start, chosen.data_dir)
                ended = asyncio.create_task(_end_of(own))
            except OSError as problem:
                tried.set()
                _log.error(
                    "Practice cannot start: %s: %s. Set practice = false in the secrets file, or "
                    "BLNK_DATA_DIR to a folder that can be written.",
                    problem.filename or chosen.data_dir,
                    problem.strerror,
                )
                own = None
                await asyncio.sleep(wait)
                wait = min(wait * 2, _LONGEST_WAIT_SECONDS)
            answered_at = time.monotonic()
    finally:
        tried.set()
        if own is not None:
            await _end(own)
        if ended is not None:
            await ended


async def _until_next_look(ended: asyncio.Task[int] | None) -> None:
    """`ended` is the end of our own process, if it is ours that answers."""
    if ended is None or ended.done():
        await asyncio.sleep(_LOOK_SECONDS)
    else:
        await asyncio.wait({ended}, timeout=_LOOK_AT_OURS_SECONDS)


async def _keep_sender() -> None:
    """Runs the sender. Restarts it when it dies, after a wait that grows if it dies young."""
    wait = _FIRST_WAIT_SECONDS
    while True:
        began = time.monotonic()
        process = await asyncio.to_thread(_start_sender)
        threading.Thread(target=_listen, args=[process], daemon=True, name="sender").start()
        try:
            code = await _end_of(process)
        finally:
            await _end(process)
        _log.error("The sender ended with exit code %s and is being restarted.", code)
        lived_long = time.monotonic() - began > _LONGEST_WAIT_SECONDS
        wait = _FIRST_WAIT_SECONDS if lived_long else min(wait * 2, _LONGEST_WAIT_SECONDS)
        await asyncio.sleep(wait)


def _listen(process: subprocess.Popen[bytes]) -> None:
    """Records the sender's messages about the import database, one line for each change, until it ends."""
    global _sender_failure
    assert process.stdout is not None
    for line in process.stdout:
        _sender_failure = line.decode("utf-8", "replace").strip() or None


def _start_sender() -> subprocess.Popen[bytes]:
    """Not through the event loop, which would pass on our listening socket, so that it would outlive us."""
    root = str(Path(_package).parent.parent)
    paths = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    return subprocess.Popen(
        [sys.executable, "-m", "blnk_api.worker.main", "--owner", OWNER, "--stop-with-stdin"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        process_group=0,  # a terminal's Ctrl-C is for the app, which then closes the pipe
        env={**os.environ, "PYTHONPATH": paths},
    )


async def _end_of(process: subprocess.Popen[bytes]) -> int:
    """Waits in a thread of its own, which ends with the process: nothing polls it."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[int] = loop.create_future()

    def tell(code: int) -> None:
        if not ended.done():
            ended.set_result(code)

    def wait() -> None:
        code = process.wait()
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(tell, code)

    threading.Thread(target=wait, daemon=True, name="end").start()
    return await ended


async def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    for act in (process.terminate, process.kill):
        with suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(process.wait, _END_SECONDS)
            return
        act()
    await asyncio.to_thread(process.wait)
