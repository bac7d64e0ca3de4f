"""Looks the rows of a checked draft up in Blnk, in this process."""

import asyncio

import uvloop

from blnk_api.cli.session import Session
from blnk_api.drafts.existence_check import look_draft_up
from blnk_api.sending.instance_sending import engine_for
from blnk_api.settings import Connection
from blnk_api.store.async_store import AsyncStore
from blnk_api.store.imports import Import
from blnk_api.store.sending.leases import Lease


def look_up(opened: Session, draft: Import, connection: Connection, lease: Lease) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_look_up(opened, draft, connection, lease))


async def _look_up(opened: Session, draft: Import, connection: Connection, lease: Lease) -> None:
    thread = AsyncStore(opened.store)
    try:
        # An engine for a draft claims nothing; it sends the look-ups within the instance's rate limit.
        running = await engine_for(
            opened.settings, connection, opened.store, thread, lease, only=draft.number
        )
        try:
            patience = opened.settings.waits.check_answers
            await look_draft_up(
                thread, running.engine.looker, draft, opened.settings, gives_up_after_seconds=patience
            )
        finally:
            await running.stop()
    finally:
        thread.close()
