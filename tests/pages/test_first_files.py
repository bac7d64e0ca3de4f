"""The files with which Streamlit's page begins are answered as Streamlit answers them, only sooner."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit.web.server.starlette.starlette_static_routes import create_streamlit_static_handler

from blnk_api.web import first_files
from tests.support.web import get, served

FOLDER = Path(streamlit.__file__).parent / "static"
ITS_OWN_TIME = {"date"}


class Streamlit:
    """Streamlit's own answers. It remembers for which addresses it was asked."""

    def __init__(self) -> None:
        self._files: ASGIApp = create_streamlit_static_handler(str(FOLDER), None)
        self.asked: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.asked.append(scope["path"])
            await self._files(scope, receive, send)


@pytest.fixture
def streamlits() -> Streamlit:
    return Streamlit()


@pytest.fixture
def ours(streamlits: Streamlit) -> Iterator[str]:
    with served(first_files.FirstFiles(streamlits, first_files.named_in(FOLDER / "index.html"))) as url:
        yield url


def answer(url: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    got = get(url, **headers)
    said = {name.lower(): value for name, value in got.headers.items()}
    return got.status_code, {name: said[name] for name in said.keys() - ITS_OWN_TIME}, got.content


def test_they_are_what_streamlit_would_answer(ours: str, streamlits: Streamlit) -> None:
    named = list(first_files.named_in(FOLDER / "index.html"))
    assert len(named) > 50
    assert {one.rpartition(".")[2] for one in named} == {"js", "css", "woff2"}
    with served(Streamlit()) as theirs:
        for one in named:
            status, headers, body = answer(f"{ours}{one}")
            assert (status, headers, body) == answer(f"{theirs}{one}"), one
            assert status == 200
            assert body
    assert streamlits.asked == []


def test_a_part_of_one_only_a_newer_one_and_any_other_file_are_streamlits(
    ours: str, streamlits: Streamlit
) -> None:
    one = next(iter(first_files.named_in(FOLDER / "index.html")))
    _, headers, body = answer(f"{ours}{one}")
    status, _, part = answer(f"{ours}{one}", Range="bytes=0-9")
    assert (status, part) == (206, body[:10])
    assert answer(f"{ours}{one}", **{"If-None-Match": headers["etag"]})[0] == 304
    assert answer(f"{ours}/favicon.png")[0] == 200
    assert answer(f"{ours}/static/js/none.js")[2] == (FOLDER / "index.html").read_bytes()
    assert streamlits.asked == [one, one, "/favicon.png", "/static/js/none.js"]
