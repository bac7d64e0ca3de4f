"""Look-ups in Practice or in invented answers, with a record of the questions."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import Any, TypeVar

import requests

from blnk_api.blnk import answer_meaning
from blnk_api.blnk.replies import Answer, Request
from blnk_api.lookup.looker import Looker
from tests.support.importer import LEDGER
from tests.support.json_object import JsonObject
from tests.support.practice import PracticeBlnk

T = TypeVar("T")
Ask = Callable[[Request], Awaitable[object]]
"""As a looker asks Blnk. Tests answer with rows, or with what no Blnk should."""


class Asked:
    """Asks Practice over HTTP, and records the questions."""

    def __init__(self, blnk: PracticeBlnk) -> None:
        self._blnk = blnk
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {blnk.token}"
        self.requests: list[Request] = []

    async def __call__(self, request: Request) -> Any:
        self.requests.append(request)
        answer = self._session.request(
            request.method,
            self._blnk.url + request.path,
            params=dict(request.query),
            data=request.body,
            timeout=120,
        )
        return answer_meaning.read_json(Answer(answer.status_code, answer.content), now=datetime.now(UTC))


def make(blnk: PracticeBlnk, *refs: str, **fields: Any) -> list[str]:
    """Creates balances with these refs and returns their ids."""
    made = (
        blnk.create_balance(ledger_id=LEDGER, currency="NGN", meta_data={"import_ref": ref, **fields})
        for ref in refs
    )
    return [one["balance_id"] for one in made]


def run(looking: Awaitable[T]) -> T:
    async def it() -> T:
        return await looking

    return asyncio.run(it())


async def walked(looker: Looker, created_from: str | None = None) -> list[str]:
    return [one.balance_id async for part in looker.walk(created_from) for one in part]


def ask_with(answers: Iterator[object]) -> Ask:
    async def ask(_: Request) -> object:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return ask


def balance(ref: str, id: str = "bln_1", at: str = "2026-01-01T00:00:00Z", **fields: Any) -> JsonObject:
    return {
        "balance_id": id,
        "ledger_id": LEDGER,
        "currency": "NGN",
        "created_at": at,
        "meta_data": {"import_ref": ref, **fields},
    }
