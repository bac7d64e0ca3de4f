"""Routes for receipts, behind signed links: the document, its JSON, and its results as they were."""

from collections.abc import Sequence
from urllib.parse import urlencode

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from blnk_api.access.acts import Act
from blnk_api.desk.desk import Desk
from blnk_api.desk.links import BadLink, Download, Links
from blnk_api.files.kinds import FileKind
from blnk_api.reports import receipt_html
from blnk_api.store import imports
from blnk_api.store.imports import Import
from blnk_api.store.kept_files import RECEIPTS
from blnk_api.store.people import receipt_records
from blnk_api.store.people.receipt_records import Receipt
from blnk_api.web.download_records import record
from blnk_api.web.responses import NO_STORE, NotAvailable, asker, attachment, opened_file, route, token
from blnk_api.wording import about_files, phrases

_PATH = "/receipt"
_VARIANT = "receipt "
"""Put before the number: no variant of an import's results starts like this."""


def routes() -> Sequence[Route]:
    return [
        route(f"{_PATH}/{{token}}.json", _json),
        route(f"{_PATH}/{{token}}.csv", _results),
        route(f"{_PATH}/{{token}}", _document),
    ]


def receipt_url(links: Links, import_id: str, n: int, *, zone: str | None = None) -> str:
    """A link on this host to a receipt. Its times are also shown in `zone`, a browser's time zone."""
    url = f"{_PATH}/{links.sign(Download(import_id, f'{_VARIANT}{n}'))}"
    return f"{url}?{urlencode({'zone': zone})}" if zone else url


def _open(desk: Desk, request: Request) -> tuple[Import, Receipt]:
    """Raises BadLink, OldLink, NotAvailable and NotAllowed."""
    wanted = desk.links.open(token(request))
    n = wanted.variant.removeprefix(_VARIANT)
    if n == wanted.variant or not n.isdecimal():
        raise BadLink
    with desk.store.read() as tx:
        import_ = imports.find(tx, wanted.import_id)
        found = receipt_records.find(tx, import_.number, int(n)) if import_ else None
    if import_ is None or found is None:
        raise NotAvailable(404, "The receipt of this link no longer exists.")
    asker(desk, request).require(Act.DOWNLOAD, import_.instance)
    return import_, found


def _document(desk: Desk, request: Request) -> Response:
    """The receipt to read and print."""
    _, receipt = _open(desk, request)
    zone = request.query_params.get("zone")
    here = phrases.zone(zone)
    has_results = desk.files.size(_results_name(receipt)) is not None
    page = receipt_html.document(
        receipt.contents,
        here,
        str(here) if zone else None,
        json_link=f"{_PATH}/{token(request)}.json",
        results_link=f"{_PATH}/{token(request)}.csv" if has_results else None,
    )
    return HTMLResponse(
        page, headers={"Content-Security-Policy": receipt_html.CONTENT_SECURITY_POLICY, **NO_STORE}
    )


def _json(desk: Desk, request: Request) -> Response:
    """The receipt as JSON."""
    import_, receipt = _open(desk, request)
    body = orjson.dumps(receipt.contents, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    name = f"receipt-{receipt.contents['import']['id']}-{receipt.n}.json"
    record(desk, request, name, import_)
    named = attachment(name)
    return Response(body, media_type="application/json", headers={"Content-Disposition": named, **NO_STORE})


def _results(desk: Desk, request: Request) -> Response:
    """The results as they were, byte for byte."""
    import_, receipt = _open(desk, request)
    try:
        kept = desk.files.open(_results_name(receipt))
    except FileNotFoundError:
        is_deleted = import_.purged_at is not None
        why = about_files.gone(is_deleted=is_deleted, is_sqlite=desk.store.is_sqlite)
        sentence = f"These results cannot be downloaded: {why} Their SHA-256 is on the receipt."
        raise NotAvailable(410, sentence) from None
    name = f"receipt {receipt.n} - {receipt.contents['results']['file_name']}"
    record(desk, request, name, import_)
    return opened_file(name, FileKind.CSV, kept)


def _results_name(receipt: Receipt) -> str:
    return f"{RECEIPTS}/{receipt.results_path}"
