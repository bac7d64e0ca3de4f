"""The app's own routes, apart from Streamlit's pages: downloads behind signed links."""

from collections.abc import Callable, Iterator, Sequence
from typing import IO, TypeVar
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from blnk_api import listing_routes, receipt_routes
from blnk_api.desk import Desk, open_desk
from blnk_api.errors import AccessDenied, BlnkError, SettingsProblem
from blnk_api.imports import problem_rows, results, template
from blnk_api.imports.journal import JournalUnavailable, imports
from blnk_api.imports.journal.imports import Import
from blnk_api.imports.results import FileKind, Variant
from blnk_api.links import BadLink, Download, Links, OldLink, ProblemRows, Template
from blnk_api.models import Ledger
from blnk_api.settings import Connection

_DOWNLOAD_PATH = "/download"
_PROBLEM_ROWS_PATH = "/problem-rows"
_TEMPLATE_PATH = "/template"

_TYPES = {
    FileKind.CSV: "text/csv; charset=utf-8",
    FileKind.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_Known = TypeVar("_Known", Variant, FileKind)
_PIECE_BYTES = 1 << 16
_MOST_LEDGERS = 2_000
"""In a template's drop-down: a longer list is of no use, and each hundred of them is a request."""


def routes() -> Sequence[Route]:
    return [
        _route(_DOWNLOAD_PATH, _download),
        _route(_PROBLEM_ROWS_PATH, _problem_rows),
        _route(_TEMPLATE_PATH, _template),
        *listing_routes.routes(),
        *receipt_routes.routes(),
    ]


def download_url(links: Links, import_id: str, variant: Variant, kind: FileKind = FileKind.CSV) -> str:
    """A link on this host that works for a while, for whoever has it."""
    return f"{_DOWNLOAD_PATH}/{links.sign(Download(import_id, variant, kind))}"


def problem_rows_url(links: Links, import_id: str) -> str:
    """As `download_url`, for a draft's rows that have to be put right, as XLSX."""
    return f"{_PROBLEM_ROWS_PATH}/{links.sign(ProblemRows(import_id))}"


def template_url(links: Links, connection_name: str, kind: FileKind) -> str:
    """As `download_url`, for an empty file to fill in."""
    return f"{_TEMPLATE_PATH}/{links.sign(Template(connection_name, kind))}"


class _CannotBe(Exception):
    """What a link opens is not to be had; the text is for the person who followed it."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def _route(path: str, open_: Callable[[Desk, str], Response]) -> Route:
    async def answer(request: Request) -> Response:
        return await run_in_threadpool(_answer, open_, request.path_params["token"])

    return Route(f"{path}/{{token}}", answer, methods=["GET"])


def _answer(open_: Callable[[Desk, str], Response], token: str) -> Response:
    try:
        return open_(open_desk(), token)
    except BadLink:
        return _say(403, "This download link is not valid. Open its page and download from there.")
    except OldLink:
        return _say(410, "This download link has expired. Open its page and download from there.")
    except _CannotBe as problem:
        return _say(problem.status, str(problem))
    except (SettingsProblem, JournalUnavailable):
        return _say(503, "Balance Desk is not set up correctly at this moment. Its pages say what is wrong.")
    except OSError as problem:
        return _say(507, f"The download cannot be written on the server: {problem.strerror}.")


def _one_of(known: type[_Known], text: str) -> _Known:
    try:
        return known(text)
    except ValueError:
        raise BadLink from None


def _download(desk: Desk, token: str) -> Response:
    """Results as they stand now."""
    wanted = desk.links.open(token)
    variant, kind = _one_of(Variant, wanted.variant), _one_of(FileKind, wanted.kind)
    import_ = _found(desk, wanted.import_id)
    name = results.file_name(import_, variant, kind)
    if kind is FileKind.CSV:
        return _file(name, kind, results.stream(desk.journal, import_, variant))
    return _workbook(name, results.workbook(desk.journal, import_, variant, desk.settings.data_dir))


def _problem_rows(desk: Desk, token: str) -> Response:
    import_ = _found(desk, desk.links.open_as(token, ProblemRows).import_id)
    made = problem_rows.workbook(desk.journal, import_, desk.settings.data_dir)
    return _workbook(problem_rows.file_name(import_), made)


def _template(desk: Desk, token: str) -> Response:
    wanted = desk.links.open_as(token, Template)
    kind = _one_of(FileKind, wanted.kind)
    connection = desk.settings.connections.get(wanted.connection)
    if connection is None:
        raise _CannotBe(404, "The connection behind this download link is not here any more.")
    name = template.file_name(connection, kind)
    if kind is FileKind.CSV:
        return _file(name, kind, iter([template.template_csv()]))
    ledgers = _ledgers(desk, connection)
    made = template.template_xlsx(ledgers, connection.custom_currencies, desk.settings.data_dir)
    return _workbook(name, made)


def _ledgers(desk: Desk, connection: Connection) -> list[Ledger]:
    """None without permission to read: the template then has no list of them."""
    found: list[Ledger] = []
    try:
        with desk.client(connection) as client:
            page = 1
            while (part := client.list_ledgers(page)) and len(found) < _MOST_LEDGERS:
                found += part
                page += 1
    except AccessDenied as denied:
        if denied.status != 403:
            raise _CannotBe(503, f"Blnk does not let us in: {denied}") from None
    except BlnkError as failed:
        raise _CannotBe(503, f"Blnk does not tell its ledgers at this moment: {failed}") from None
    return found


def _found(desk: Desk, id: str) -> Import:
    with desk.journal.read() as tx:
        import_ = imports.find(tx, id)
    if import_ is None:
        raise _CannotBe(404, "The import behind this download link is not here any more.")
    return import_


def _workbook(name: str, made: IO[bytes]) -> Response:
    size = made.seek(0, 2)
    made.seek(0)
    return _file(name, FileKind.XLSX, _pieces(made), size=size)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE_BYTES):
            yield piece


def _file(name: str, kind: FileKind, pieces: Iterator[bytes], *, size: int | None = None) -> Response:
    headers = {
        "Content-Disposition": _attachment(name),
        "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
        "Cache-Control": "no-store",
    }
    if size is not None:
        headers["Content-Length"] = str(size)
    return StreamingResponse(pieces, media_type=_TYPES[kind], headers=headers)


def _attachment(name: str) -> str:
    """Any name, as RFC 6266 has it: letters that a header cannot hold go in the second form."""
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _say(status: int, text: str) -> Response:
    return PlainTextResponse(text + "\n", status, {"Cache-Control": "no-store"})
