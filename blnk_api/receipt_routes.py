"""Receipts on their own routes, behind signed links: a document, its JSON, its results as they stood."""

from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlencode

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from blnk_api import words
from blnk_api.desk import Desk, open_desk
from blnk_api.errors import SettingsProblem
from blnk_api.imports import receipts_page
from blnk_api.imports.journal import JournalUnavailable, imports, receipts
from blnk_api.imports.journal.receipts import Receipt
from blnk_api.links import BadLink, Download, Links, OldLink

_PATH = "/receipt"
_VARIANT = "receipt "
"""Before the number: no variant of an import's results begins so."""

_NO_STORE = {"Cache-Control": "no-store"}


def routes() -> Sequence[Route]:
    return [
        Route(f"{_PATH}/{{token}}.json", _answer_json, methods=["GET"]),
        Route(f"{_PATH}/{{token}}.csv", _answer_results, methods=["GET"]),
        Route(f"{_PATH}/{{token}}", _answer_document, methods=["GET"]),
    ]


def receipt_url(links: Links, import_id: str, n: int, *, zone: str | None = None) -> str:
    """A link on this host to a receipt; its times are told in `zone`, a browser's time zone, too."""
    url = f"{_PATH}/{links.sign(Download(import_id, f'{_VARIANT}{n}'))}"
    return f"{url}?{urlencode({'zone': zone})}" if zone else url


class _Refused(Exception):
    """The link opens nothing: the status, and the text for the reader."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def _open(token: str) -> tuple[Desk, Receipt]:
    """Raises _Refused."""
    try:
        desk = open_desk()
        wanted = desk.links.open(token)
        if not wanted.variant.startswith(_VARIANT):
            raise BadLink
        n = int(wanted.variant.removeprefix(_VARIANT))
    except (BadLink, ValueError):
        raise _Refused(403, "This link is not valid. Open the import and its receipts from there.") from None
    except OldLink:
        raise _Refused(410, "This link has expired. Open the import and its receipts from there.") from None
    except (SettingsProblem, JournalUnavailable):
        raise _Refused(
            503, "Balance Desk is not set up correctly at this moment. Its pages say what is wrong."
        ) from None
    with desk.journal.read() as tx:
        import_ = imports.find(tx, wanted.import_id)
        found = receipts.find(tx, import_.number, n) if import_ else None
    if found is None:
        raise _Refused(404, "The receipt behind this link is not here any more.")
    return desk, found


async def _answer_document(request: Request) -> Response:
    """The receipt to be read and printed."""
    token: str = request.path_params["token"]

    def answer() -> Response:
        desk, receipt = _open(token)
        zone = request.query_params.get("zone")
        here = words.zone(zone)
        has_results = _results_path(desk, receipt).exists()
        page = receipts_page.document(
            receipt.told,
            here,
            str(here) if zone else None,
            json_link=f"{_PATH}/{token}.json",
            results_link=f"{_PATH}/{token}.csv" if has_results else None,
        )
        headers = {"Content-Security-Policy": receipts_page.CONTENT_SECURITY_POLICY, **_NO_STORE}
        return HTMLResponse(page, headers=headers)

    return await _in_thread(answer)


async def _answer_json(request: Request) -> Response:
    """The same as JSON."""
    token: str = request.path_params["token"]

    def answer() -> Response:
        _, receipt = _open(token)
        body = orjson.dumps(receipt.told, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        named = f'attachment; filename="receipt-{receipt.told["import"]["id"]}-{receipt.n}.json"'
        return Response(
            body, media_type="application/json", headers={"Content-Disposition": named, **_NO_STORE}
        )

    return await _in_thread(answer)


async def _answer_results(request: Request) -> Response:
    """The results as they stood, byte for byte."""
    token: str = request.path_params["token"]

    def answer() -> Response:
        desk, receipt = _open(token)
        path = _results_path(desk, receipt)
        if not path.exists():
            raise _Refused(
                410, "These results were thrown away, as the settings say. Their sum is on the receipt."
            )
        return FileResponse(
            path,
            media_type="text/csv; charset=utf-8",
            filename=f"receipt {receipt.n} - {receipt.told['results']['file_name']}",
            headers={"Content-Security-Policy": "default-src 'none'; sandbox", **_NO_STORE},
        )

    return await _in_thread(answer)


def _results_path(desk: Desk, receipt: Receipt) -> Path:
    return desk.settings.receipts_dir / receipt.results_path


async def _in_thread(answer: Callable[[], Response]) -> Response:
    try:
        return await run_in_threadpool(answer)
    except _Refused as refused:
        return PlainTextResponse(f"{refused}\n", refused.status, _NO_STORE)
