"""Answers of the app's own routes to a signed link: a file, or a sentence that says why there is none."""

import asyncio
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import IO, TypeVar
from urllib.parse import quote
from weakref import WeakKeyDictionary

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from blnk_api.access.actors import Actor, NotAllowed
from blnk_api.desk.desk import Desk, open_desk
from blnk_api.desk.links import BadLink, OldLink
from blnk_api.errors import SettingsProblem
from blnk_api.files.kinds import FileKind
from blnk_api.sign_in import signed_in
from blnk_api.store import LaterVersion, StoreUnavailable

NO_STORE = {"Cache-Control": "no-store"}
SEALED = {"Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'", **NO_STORE}
"""For files that people uploaded: a browser that displays one runs nothing in it."""

_TYPES = {
    FileKind.CSV: "text/csv; charset=utf-8",
    FileKind.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_PIECE_BYTES = 1 << 16
_MOST_AT_ONCE = 8
"""Downloads that are being made: some read from Blnk for a while or write a large file, and pages need the
other threads."""

_places: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()
_Known = TypeVar("_Known", bound=StrEnum)


class NotAvailable(Exception):
    """What a link names cannot be sent. The text is for the person who opened it."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def route(path: str, open_: Callable[[Desk, Request], Response]) -> Route:
    """`open_` runs in a thread, and may raise BadLink, OldLink, NotAvailable and NotAllowed."""

    async def answer(request: Request) -> Response:
        places = _places.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(_MOST_AT_ONCE))
        async with places:
            return await run_in_threadpool(_answer, open_, request)

    return Route(path, answer, methods=["GET"])


def _answer(open_: Callable[[Desk, Request], Response], request: Request) -> Response:
    try:
        return open_(open_desk(), request)
    except BadLink:
        return _sentence(403, "This link is not valid. Open the page it came from and use the link there.")
    except OldLink:
        return _sentence(410, "This link has expired. Open the page it came from and use the link there.")
    except NotAllowed as refused:
        return _sentence(403, refused.hint)
    except NotAvailable as problem:
        return _sentence(problem.status, str(problem))
    except LaterVersion:
        return _sentence(503, "Balance Desk is being updated. Try again in a minute.")
    except (SettingsProblem, StoreUnavailable):
        return _sentence(
            503,
            "Balance Desk cannot work with its current settings or database. Its pages show what is wrong.",
        )
    except OSError as problem:
        return _sentence(507, f"The server could not write the download: {problem.strerror}.")


def asker(desk: Desk, request: Request) -> Actor:
    """The person who opens the link. The link says what is requested, the session who requests it. Raises
    NotAllowed."""
    if desk.settings.sign_in is None:
        return signed_in.unverified("unnamed user")
    who = signed_in.person(desk, desk.settings.sign_in, request.cookies)
    if who is None:
        raise NotAllowed("Sign in first, then open the link again.")
    return who


def _sentence(status: int, text: str) -> Response:
    return PlainTextResponse(f"{text}\n", status, NO_STORE)


def token(request: Request) -> str:
    """The signed part of the address."""
    return str(request.path_params["token"])


def one_of(known: type[_Known], text: str) -> _Known:
    """Raises BadLink."""
    try:
        return known(text)
    except ValueError:
        raise BadLink from None


def file(name: str, kind: FileKind, pieces: Iterator[bytes], *, size: int | None = None) -> Response:
    """A download. `name` includes the extension."""
    headers = {"Content-Disposition": attachment(name), **SEALED}
    if size is not None:
        headers["Content-Length"] = str(size)
    return StreamingResponse(pieces, media_type=_TYPES[kind], headers=headers)


def workbook(name: str, made: IO[bytes]) -> Response:
    """Like `opened_file`, for XLSX."""
    return opened_file(name, FileKind.XLSX, made)


def opened_file(name: str, kind: FileKind, opened: IO[bytes]) -> Response:
    """A download of an open file, which is closed at the end."""
    size = opened.seek(0, 2)
    opened.seek(0)
    return file(name, kind, _pieces(opened), size=size)


def archive(name: str, made: IO[bytes]) -> Response:
    """Like `workbook`, for a ZIP."""
    size = made.seek(0, 2)
    made.seek(0)
    headers = {"Content-Disposition": attachment(name), "Content-Length": str(size), **SEALED}
    return StreamingResponse(_pieces(made), media_type="application/zip", headers=headers)


def _pieces(made: IO[bytes]) -> Iterator[bytes]:
    with made:
        while piece := made.read(_PIECE_BYTES):
            yield piece


def attachment(name: str) -> str:
    """Any file name, by RFC 6266: characters that a header cannot hold go into the second form."""
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
