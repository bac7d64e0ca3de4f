"""Records and checks a change in a draft in one transaction, then looks up in Blnk what is new.

If that cannot be done at once (see `recheck`), or Blnk does not answer, the process that checks whole files
does it. The change is kept in any case.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar, Unpack

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from blnk_api.blnk import reader
from blnk_api.blnk.replies import Request
from blnk_api.client import BlnkClient
from blnk_api.drafts.checking import Known
from blnk_api.drafts.edits.open_draft import check_again
from blnk_api.drafts.existence_check import look_draft_up
from blnk_api.drafts.rechecking.recheck import Answer, AskFirst, Change, check_changed
from blnk_api.drafts.rechecking.whole_check_needed import NotSure
from blnk_api.drafts.reference_data import known_in_blnk
from blnk_api.errors import BlnkError
from blnk_api.lookup.looker import Looker
from blnk_api.settings import Connection as BlnkConnection
from blnk_api.settings import Settings
from blnk_api.store import Store, imports
from blnk_api.store.async_store import AsyncStore
from blnk_api.store.import_changes import Facts
from blnk_api.store.imports import Import
from blnk_api.store.states import Stage

T = TypeVar("T")

_LOOK_SECONDS = 0.02
_OTHERS_SECONDS = 1.0
"""How long to wait for a look-up that another change has started."""
_ANSWER_SECONDS = 3.0
"""How long Blnk has to answer all requests of one change, because someone is waiting for the page."""
_MOST_AT_ONCE = 4
_NOT_NOW = (BlnkError, TimeoutError, OperationalError, OSError)
"""Blnk does not answer, or the store is busy: the sender does the rest."""


class Check(Protocol):
    """Starts the check of a draft after these changes."""

    def __call__(
        self, tx: Connection, import_: Import, changes: Sequence[Change], /, **facts: Unpack[Facts]
    ) -> None: ...


Act = Callable[[Connection, Check], T]


def later(tx: Connection, import_: Import, changes: Sequence[Change], /, **facts: Unpack[Facts]) -> None:
    """Leaves the check of the whole file to the sender."""
    check_again(tx, import_, **facts)


def run(store: Store, id: str, act: Act[T], at_once: "AtOnce | None") -> T:
    """Makes a change, and checks it at once if `at_once` is given."""
    if at_once is not None:
        return at_once.run(store, id, act)
    with store.write() as tx:
        return act(tx, later)


@dataclass(frozen=True)
class AtOnce:
    """Who makes the changes, and how to read from Blnk for them."""

    settings: Settings
    client: Callable[[BlnkConnection], BlnkClient]

    def run(self, store: Store, id: str, act: Act[T]) -> T:
        """Returns what `act` returns. It may be run twice, but is recorded once."""
        _wait_for_a_look(store, id)
        answer: Answer | None = None
        while True:
            try:
                with store.write() as tx:
                    imports.hold(tx, id)
                    done = act(tx, partial(self._check, answer=answer))
                break
            except AskFirst as first:
                answer = Answer(first.wanted, self._ask(first))
        self._look_up(store, id)
        return done

    def _check(
        self,
        tx: Connection,
        import_: Import,
        changes: Sequence[Change],
        /,
        answer: Answer | None = None,
        **facts: Unpack[Facts],
    ) -> None:
        connection = self.settings.connection_of(import_.instance)
        if connection is not None:
            try:
                with tx.begin_nested():
                    accepted = facts.get("accepted")
                    check_changed(tx, import_, changes, connection, accepted=accepted, answer=answer)
                return
            except NotSure:
                pass
        check_again(tx, import_, **facts)

    def _ask(self, first: AskFirst) -> Known | None:
        """None if Blnk does not answer in time."""

        def ask() -> Known:
            with self.client(first.connection) as client:
                return known_in_blnk(client, first.wanted, first.mapping)

        with _threads() as pool:
            try:
                return pool.submit(ask).result(timeout=_ANSWER_SECONDS)
            except _NOT_NOW:
                return None

    def _look_up(self, store: Store, id: str) -> None:
        with store.read() as tx:
            draft = imports.find(tx, id)
        if draft is None or draft.stage is not Stage.LOOKING or draft.look_again is None:
            return
        connection = self.settings.connection_of(draft.instance)
        if connection is not None:
            with suppress(*_NOT_NOW):
                asyncio.run(_look_up(store, self.settings, draft, self.client(connection)))


async def _look_up(store: Store, settings: Settings, draft: Import, client: BlnkClient) -> None:
    """The sender takes over if Blnk does not answer in time."""
    thread = AsyncStore(store)
    with client, _threads() as pool:

        async def ask(request: Request) -> Any:
            return await asyncio.get_running_loop().run_in_executor(pool, reader.ask, client, request)

        looker = Looker(ask, draft.instance.instance_id)
        looking = look_draft_up(thread, looker, draft, settings, gives_up_after_seconds=_ANSWER_SECONDS)
        try:
            await asyncio.wait_for(looking, _ANSWER_SECONDS)
        finally:
            thread.close()


@contextmanager
def _threads() -> Iterator[ThreadPoolExecutor]:
    """Threads that still wait for an answer are not waited for."""
    pool = ThreadPoolExecutor(_MOST_AT_ONCE, thread_name_prefix="fix")
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _wait_for_a_look(store: Store, id: str) -> None:
    deadline = time.monotonic() + _OTHERS_SECONDS
    while time.monotonic() < deadline:
        with store.read() as tx:
            draft = imports.find(tx, id)
        if draft is None or draft.stage is not Stage.LOOKING or draft.look_again is None:
            return
        time.sleep(_LOOK_SECONDS)
