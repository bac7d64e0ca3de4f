"""Reads from Blnk through requests, for pages and scripts: with a token, a few repeats, and page by page."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ValidationError
from requests import PreparedRequest
from requests.auth import AuthBase

from blnk_api import errors
from blnk_api.blnk import answer_meaning, endpoints, retries
from blnk_api.blnk.auth import Token, TokenSource, token_source
from blnk_api.blnk.endpoints import Filter
from blnk_api.blnk.http import Transport
from blnk_api.blnk.replies import Answer, Reply, Request
from blnk_api.settings import Connection, Waits

_SHORT_WAIT_SECONDS = 2.0
"""The longest that a read waits if Blnk reports too many requests."""

_PATIENCE_SECONDS = 60.0

_Thing = TypeVar("_Thing", bound=BaseModel)


class _Bearer(AuthBase):
    def __init__(self, token: Token) -> None:
        self._token = token

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token.value}"
        return request


class Reader:
    """The reads of one connection. Safe to share between threads. A read that fails raises: it never means
    absence."""

    def __init__(
        self,
        connection: Connection,
        *,
        tokens: TokenSource | None = None,
        connect_seconds: float = Waits.connect,
        read_again_seconds: float = Waits.read_again,
        patience_seconds: float = _PATIENCE_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Opens no connection yet.

        A read that is not answered is repeated up to three times, at growing intervals.

        Args:
            connection: The Blnk instance and the credentials.
            tokens: Required for OAuth: `auth.token_source(connection, store)`.
            connect_seconds: How long connecting may take.
            read_again_seconds: The wait before the first repeat of a read.
            patience_seconds: No repeat starts later than this after the first attempt.
            sleep: For tests.
            clock: For tests.
        """
        self._instance_id = connection.instance.instance_id
        self._tokens = tokens or token_source(connection)
        self._read_again_seconds = read_again_seconds
        self._patience_seconds = patience_seconds
        self._sleep = sleep
        self._clock = clock
        self._transport = Transport(
            connection.url, connect_seconds=connect_seconds, total_seconds=connection.request_timeout_seconds
        )

    def close(self) -> None:
        """Closes the connections. A client in a `with` statement closes itself."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _list(self, what: str, page: int, model: type[_Thing]) -> list[_Thing]:
        answer = self._read(endpoints.list_page(self._instance_id, what, page=page))
        return parse(model, answer_meaning.read_rows(answer))

    def _search(self, what: str, filters: Sequence[Filter], model: type[_Thing]) -> list[_Thing]:
        return parse(
            model, answer_meaning.read_rows(self._read(endpoints.search(self._instance_id, what, filters)))
        )

    def _any_of(
        self,
        what: str,
        field: str,
        values: Iterable[str],
        model: type[_Thing],
        also: Sequence[Filter] = (),
    ) -> Iterator[_Thing]:
        """All that have one of these values, page by page: many may share one value."""
        for batch in batches(values, endpoints.PAGE_LIMIT):
            yield from self._all_of(what, [Filter(field, "in", values=batch), *also], model)

    def _all_of(self, what: str, filters: Sequence[Filter], model: type[_Thing]) -> Iterator[_Thing]:
        page = 1
        while True:
            request = endpoints.search(
                self._instance_id, what, filters, page=page, sort_by="created_at", sort_order="asc"
            )
            rows = answer_meaning.read_rows(self._read(request))
            yield from parse(model, rows)
            if len(rows) < endpoints.PAGE_LIMIT:
                break
            page += 1

    def _read(self, request: Request) -> Any:
        """The JSON of an answer. A read creates nothing, so an unanswered one is repeated a few times, and
        after a 429 once if Blnk asks for a short wait."""
        began, failures, was_busy = self._clock(), 0, False
        while True:
            reply = self._exchange(request)  # raises only for token problems, which a repeat would not solve
            try:
                return answer_meaning.read_json(reply, now=datetime.now(UTC))
            except errors.RateLimited as busy:
                wait = busy.retry_after_seconds
                if was_busy or wait is None or wait > _SHORT_WAIT_SECONDS:
                    raise
                was_busy = True
            except errors.BlnkError as failed:
                failures += 1
                wait = retries.wait_seconds(failed, failures, first_seconds=self._read_again_seconds)
                if wait is None or self._clock() - began + wait > self._patience_seconds:
                    raise
            self._sleep(wait)

    def _exchange(self, request: Request) -> Reply:
        """Sends the request once, and after a 401 once more with a newer token: a 401 means that nothing was
        done."""
        token = self._tokens.current()
        reply = self._send(request, token)
        if isinstance(reply, Answer) and reply.status == 401:
            try:
                newer = self._tokens.newer_than(token.generation)
            except errors.AccessDenied as denied:
                if not denied.answer:  # raised without a request: Blnk's own answer is the 401
                    denied.keep(answer_meaning.support(reply))
                raise
            reply = self._send(request, newer)
        return reply

    def _send(self, request: Request, token: Token) -> Reply:
        return self._transport.exchange(request, _Bearer(token), secrets=(token.value,))


def ask(reader: Reader, request: Request) -> Any:
    """The JSON of an answer to any read, for callers with their own way of reading. Raises a BlnkError."""
    return reader._read(request)


def batches(values: Iterable[str], size: int) -> Iterator[list[str]]:
    """Each value once. Never an empty batch: Core ignores an `in` without values."""
    once = iter(dict.fromkeys(values))
    while batch := list(islice(once, size)):
        yield batch


def parse(model: type[_Thing], rows: Iterable[dict[str, object]]) -> list[_Thing]:
    try:
        return [model.model_validate(row) for row in rows]
    except ValidationError:
        raise errors.ReadFailed("Blnk's answer has an unexpected shape.") from None
