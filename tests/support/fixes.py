"""Drafts that are checked in this process: the whole file, as the sender does it, or one fix at once."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson

from blnk_api.blnk import reader
from blnk_api.blnk.replies import Request
from blnk_api.client import BlnkClient
from blnk_api.drafts import check_draft
from blnk_api.drafts.existence_check import look_draft_up
from blnk_api.drafts.rechecking.change_and_check import AtOnce
from blnk_api.facts.mapping import Mapping
from blnk_api.lookup.looker import Looker
from blnk_api.store import import_acts
from blnk_api.store.async_store import AsyncStore
from blnk_api.store.imports import Import
from blnk_api.store.people import edits
from blnk_api.store.states import Stage
from tests.support.actors import actor
from tests.support.importer import Importer
from tests.support.json_object import JsonObject


def at_once(importer: Importer) -> AtOnce:
    return AtOnce(importer.settings, BlnkClient)


def upload(
    importer: Importer,
    text: str,
    *,
    mapping: Mapping | None = None,
    accepted: Sequence[str] = (),
    name: str = "customers.csv",
) -> Import:
    """A draft whose check has not begun."""
    return importer.upload_alone(text, name=name, mapping=mapping, accepted_currencies=accepted)


def check_whole(importer: Importer, draft: Import) -> Import:
    """Reads its file, then checks and looks up all of its rows, without a sender."""
    check_draft.prepare(importer.store, importer.settings, draft.id)
    now = importer.find(draft.id)
    if now.stage is Stage.LOOKING:
        asyncio.run(_look_up(importer, now))
    return importer.find(draft.id)


async def _look_up(importer: Importer, draft: Import) -> None:
    thread = AsyncStore(importer.store)
    with BlnkClient(importer.connection) as client, ThreadPoolExecutor(1) as pool:

        async def ask(request: Request) -> Any:
            return await asyncio.get_running_loop().run_in_executor(pool, reader.ask, client, request)

        await look_draft_up(thread, Looker(ask, draft.instance.instance_id), draft, importer.settings)
    thread.close()


def verdict(importer: Importer, draft: Import) -> JsonObject:
    """The whole outcome of a check, except for what differs between two imports of one file."""

    def body(sent: bytes | None) -> Any:
        return None if sent is None else orjson.loads(sent.replace(draft.id.encode(), b"imp"))

    now = importer.find(draft.id)
    return {
        "stage": now.stage,
        "counts": {state: n for state, n in now.counts.items() if n},
        "totals": now.totals.model_dump(),
        "accepted": now.accepted.currencies,
        "rows": [
            {
                **{"number": row.number, "part": row.part, "state": row.state, "cells": row.cells},
                **{"ledger_id": row.ledger_id, "currency": row.currency, "body": body(row.body)},
                **{"ref": row.ref, "balance_id": row.balance_id, "message": row.message, "why": row.why},
                **{"problems": row.problems, "flaws": row.flaws},
                **{"own_key": row.own_key, "twin_key": row.twin_key},
            }
            for row in importer.rows(draft)
        ],
    }


def verdict_of_whole(importer: Importer, draft: Import) -> JsonObject:
    """What a check of the whole file says about the same file with the same edits, as a separate import."""
    now = importer.find(draft.id)
    with importer.files.open(f"uploads/{now.file_path}") as data:
        made = importer.upload_alone(
            data.read(),
            name=now.file_name,
            mapping=now.mapping,
            options=now.options,
            accepted_currencies=now.accepted.currencies,
        )
    with importer.store.write() as tx:
        for one in edits.of_import(tx, now.number):
            edits.add(tx, made.number, [(one.number, one.position, one.old, one.new)], who=actor())
    checked = check_whole(importer, made)
    try:
        return verdict(importer, checked)
    finally:
        with importer.store.write() as tx:
            import_acts.cancel(tx, made.number, who=actor())
