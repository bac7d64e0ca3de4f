"""The scripts, styles and fonts with which Streamlit's page begins, answered from memory.

There are sixty of them, and nothing is shown before the last one is there. Streamlit reads each of them in
another thread, which takes three times as long as all else about its request.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Self

from starlette.responses import FileResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_NAMED = re.compile(r'(?:src|href)="\./(static/[^"?#]+)"')
_FOR_GOOD = {"Cache-Control": "public, immutable, max-age=31536000"}
"""As Streamlit says it: the name of such a file changes with what it contains."""
_ONLY_PART_OR_NEWER = (b"range", b"if-")


class _File(NamedTuple):
    headers: list[tuple[bytes, bytes]]
    body: bytes

    @classmethod
    def of(cls, path: Path) -> Self:
        answer = FileResponse(path, headers=_FOR_GOOD, stat_result=path.stat())
        return cls(answer.raw_headers, path.read_bytes())


def named_in(page: Path) -> dict[str, _File]:
    """The files that the page names, by their addresses. `page` is the one that comes with Streamlit."""
    names = _NAMED.findall(page.read_text("utf-8"))
    return {f"/{name}": _File.of(page.parent / name) for name in names}


class FirstFiles:
    """Everything else is left to Streamlit, also a request for part of a file, or only for a newer one."""

    def __init__(self, app: ASGIApp, files: Mapping[str, _File]) -> None:
        self._app = app
        self._files = files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        file = self._files.get(scope["path"]) if scope["type"] == "http" else None
        if file is None or scope["method"] != "GET" or _has_conditions(scope):
            await self._app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": list(file.headers)})
        await send({"type": "http.response.body", "body": file.body})


def _has_conditions(scope: Scope) -> bool:
    return any(name.startswith(_ONLY_PART_OR_NEWER) for name, _ in scope["headers"])
