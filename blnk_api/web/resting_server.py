"""Lets the server rest while nobody asks it anything."""

import asyncio
import signal
import threading
from contextlib import suppress
from types import FrameType

import uvicorn
from uvicorn.server import HANDLED_SIGNALS

_DATE_SECONDS = 1.0
"""Answers carry the time, in whole seconds."""


def tick_once_a_second() -> None:
    """uvicorn's own servers look ten times a second whether they should end, which is most of what a server
    without visitors does. From now on a signal wakes them. Call it before they start."""
    setattr(uvicorn.Server, "main_loop", _main_loop)  # noqa: B010 - mypy forbids to replace a method


async def _main_loop(server: uvicorn.Server) -> None:
    signaled = asyncio.Event()
    if threading.current_thread() is threading.main_thread():  # no other hears of signals
        _wake_at_signals(asyncio.get_running_loop(), signaled)
    while not await server.on_tick(0):
        with suppress(TimeoutError):
            async with asyncio.timeout(_DATE_SECONDS):
                await signaled.wait()


def _wake_at_signals(loop: asyncio.AbstractEventLoop, signaled: asyncio.Event) -> None:
    """uvicorn has set handlers that make the next tick the last one; it puts back the earlier ones."""
    for number in HANDLED_SIGNALS:
        handle = signal.getsignal(number)

        def handle_and_wake(number: int, frame: FrameType | None, handle: object = handle) -> None:
            if callable(handle):
                handle(number, frame)
            loop.call_soon_threadsafe(signaled.set)

        signal.signal(number, handle_and_wake)
