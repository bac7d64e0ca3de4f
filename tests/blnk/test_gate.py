"""The gate to an instance: what waits in it ends when it is closed."""

import asyncio

import pytest
import uvloop

from blnk_api.blnk.auth import token_source
from blnk_api.blnk.bulk_http import BulkClient
from blnk_api.blnk.circuit_breaker import Breaker
from blnk_api.blnk.pacing import Pace
from blnk_api.blnk.replies import Request
from blnk_api.sending.gateway import Gateway
from tests.support.connections import connection_to


def test_a_wait_ends_with_its_sender_even_if_a_look_up_comes_at_that_moment() -> None:
    """Otherwise a stopping sender would run forever."""

    async def stop_as_a_look_comes() -> None:
        client = BulkClient(
            "http://127.0.0.1:9", most_at_once=1, connect_seconds=1, request_timeout_seconds=1
        )
        connection = connection_to("http://127.0.0.1:9")
        gateway = Gateway(connection, client, token_source(connection), Pace(60), Breaker(1.0, 1.0))
        napping = asyncio.create_task(gateway.nap(0.0, 60.0))
        await asyncio.sleep(0.01)
        look = asyncio.create_task(gateway.ask(Request("GET", "/ledgers")))
        await asyncio.sleep(0)
        napping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await napping
        look.cancel()
        await asyncio.gather(look, return_exceptions=True)
        await client.close()

    uvloop.run(stop_as_a_look_comes())
