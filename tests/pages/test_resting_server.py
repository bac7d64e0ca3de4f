"""A server that nobody asks rests, and ends at once when it is told to."""

import signal
import subprocess
import sys

import pytest

from blnk_api.common import watched_process
from tests.support.importer import wait_until

SERVES = """
import signal
import uvicorn
from blnk_api.web import resting_server

async def app(scope, receive, send):
    assert scope["type"] == "lifespan"
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})

class Server(uvicorn.Server):
    async def on_tick(self, counter):
        print("ticks", flush=True)
        return await super().on_tick(counter)

signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background of a shell
resting_server.tick_once_a_second()
resting_server._DATE_SECONDS = 1e6
Server(uvicorn.Config(app, port=0, loop="LOOP")).run()
"""


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_ends_when_it_is_told_to_however_long_it_would_rest(
    loop: str, number: signal.Signals
) -> None:
    server = subprocess.Popen(
        [sys.executable, "-c", SERVES.replace("LOOP", loop)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=watched_process.environment(),
        text=True,
    )
    assert server.stdout is not None
    assert server.stdout.readline() == "ticks\n"

    def is_over() -> bool:
        # Once may not do: a loop hears of a signal that comes right before it rests when it wakes up, which
        # is within a second in the product.
        server.send_signal(number)
        return server.poll() is not None

    wait_until(is_over, lambda: "the server rests although it was told to end")
    assert server.stdout.read() in ("", "ticks\n"), "it may be told during its first look"
    assert server.wait() != 0  # by the signal, as before
