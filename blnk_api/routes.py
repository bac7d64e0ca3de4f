"""The app's own routes, apart from Streamlit's pages: downloads behind signed links."""

from collections.abc import Sequence
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from blnk_api import receipt_routes
from blnk_api.desk import open_desk
from blnk_api.errors import SettingsProblem
from blnk_api.imports import results
from blnk_api.imports.journal import JournalUnavailable, imports
from blnk_api.imports.results import Variant
from blnk_api.links import BadLink, Download, Links, OldLink

_DOWNLOAD_PATH = "/download"


def routes() -> Sequence[Route]:
    return [
        Route(f"{_DOWNLOAD_PATH}/{{token}}", download, methods=["GET"]),
        *receipt_routes.routes(),
    ]


def download_url(links: Links, import_id: str, variant: Variant) -> str:
    """A link on this host that works for a while, for whoever has it."""
    return f"{_DOWNLOAD_PATH}/{links.sign(Download(import_id, variant))}"


async def download(request: Request) -> Response:
    """Results as they stand now, streamed."""
    return await run_in_threadpool(_download, request.path_params["token"])


def _download(token: str) -> Response:
    try:
        desk = open_desk()
        wanted = desk.links.open(token)
        variant = Variant(wanted.variant)
    except (BadLink, ValueError):
        return _say(403, "This download link is not valid. Open the import and download from there.")
    except OldLink:
        return _say(410, "This download link has expired. Open the import and download from there.")
    except (SettingsProblem, JournalUnavailable):
        return _say(503, "Balance Desk is not set up correctly at this moment. Its pages say what is wrong.")
    with desk.journal.read() as tx:
        import_ = imports.find(tx, wanted.import_id)
    if import_ is None:
        return _say(404, "The import behind this download link is not here any more.")
    name = results.file_name(import_, variant)
    return StreamingResponse(
        results.stream(desk.journal, import_, variant),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": _attachment(name),
            "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
            "Cache-Control": "no-store",
        },
    )


def _attachment(name: str) -> str:
    """Any name, as RFC 6266 has it: letters that a header cannot hold go in the second form."""
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _say(status: int, text: str) -> Response:
    return PlainTextResponse(text + "\n", status, {"Cache-Control": "no-store"})
