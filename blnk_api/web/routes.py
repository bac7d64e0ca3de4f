"""The app's own routes besides Streamlit's pages: downloads behind signed links."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from blnk_api.access.acts import Act
from blnk_api.desk.desk import Desk
from blnk_api.desk.links import BadLink, Download, Links, ProblemRows, Template
from blnk_api.drafts import template
from blnk_api.drafts.edits import problem_workbook
from blnk_api.errors import AccessDenied, BlnkError
from blnk_api.files.kinds import FileKind
from blnk_api.models import Ledger
from blnk_api.reports import evidence, results
from blnk_api.reports.results import Variant
from blnk_api.settings import Connection
from blnk_api.store import imports
from blnk_api.store.imports import Import
from blnk_api.web import list_routes, receipt_routes
from blnk_api.web.download_records import record
from blnk_api.web.responses import NotAvailable, archive, asker, file, one_of, route, token, workbook

_DOWNLOAD_PATH = "/download"
_PROBLEM_ROWS_PATH = "/problem-rows"
_TEMPLATE_PATH = "/template"
_EVIDENCE_PATH = "/evidence"
_EVIDENCE = "evidence"
"""No variant of an import's results has this name."""

_MOST_LEDGERS = 2_000
"""The most ledgers in a template's drop-down list. A longer one is useless, and each hundred takes a
request."""


def routes() -> Sequence[Route]:
    return [
        route(f"{_DOWNLOAD_PATH}/{{token}}", _download),
        route(f"{_PROBLEM_ROWS_PATH}/{{token}}", _problem_rows),
        route(f"{_TEMPLATE_PATH}/{{token}}", _template),
        route(f"{_EVIDENCE_PATH}/{{token}}", _evidence),
        *list_routes.routes(),
        *receipt_routes.routes(),
    ]


def download_url(links: Links, import_id: str, variant: Variant, kind: FileKind = FileKind.CSV) -> str:
    """A link on this host that works for a while, for whoever has it."""
    return f"{_DOWNLOAD_PATH}/{links.sign(Download(import_id, variant, kind))}"


def problem_rows_url(links: Links, import_id: str) -> str:
    """Like `download_url`, for a draft's rows that must be fixed, as XLSX."""
    return f"{_PROBLEM_ROWS_PATH}/{links.sign(ProblemRows(import_id))}"


def template_url(links: Links, connection_name: str, kind: FileKind) -> str:
    """Like `download_url`, for an empty file to fill in."""
    return f"{_TEMPLATE_PATH}/{links.sign(Template(connection_name, kind))}"


def evidence_url(links: Links, import_id: str) -> str:
    """Like `download_url`, for everything that is known about an import, as a ZIP."""
    return f"{_EVIDENCE_PATH}/{links.sign(Download(import_id, _EVIDENCE))}"


def _evidence(desk: Desk, request: Request) -> Response:
    wanted = desk.links.open(token(request))
    if wanted.variant != _EVIDENCE:
        raise BadLink
    import_ = _found(desk, request, wanted.import_id)
    name = evidence.file_name(import_)
    record(desk, request, name, import_)
    return archive(name, evidence.bundle(desk.store, desk.settings, import_))


def _download(desk: Desk, request: Request) -> Response:
    """The current results."""
    wanted = desk.links.open(token(request))
    variant, kind = one_of(Variant, wanted.variant), one_of(FileKind, wanted.kind)
    import_ = _found(desk, request, wanted.import_id)
    name = results.file_name(import_, variant, kind)
    record(desk, request, name, import_)
    if kind is FileKind.CSV:
        return file(name, kind, results.stream(desk.store, import_, variant))
    return workbook(name, results.workbook(desk.store, import_, variant, desk.settings.scratch_dir))


def _problem_rows(desk: Desk, request: Request) -> Response:
    import_ = _found(desk, request, desk.links.open_as(token(request), ProblemRows).import_id)
    name = problem_workbook.file_name(import_)
    record(desk, request, name, import_)
    return workbook(name, problem_workbook.workbook(desk.store, import_, desk.settings.scratch_dir))


def _template(desk: Desk, request: Request) -> Response:
    wanted = desk.links.open_as(token(request), Template)
    kind = one_of(FileKind, wanted.kind)
    connection = desk.settings.connections.get(wanted.connection)
    if connection is None:
        raise NotAvailable(404, "The connection of this link no longer exists.")
    asker(desk, request).require(Act.DOWNLOAD, connection.instance)
    name = template.file_name(connection, kind)
    if kind is FileKind.CSV:
        return file(name, kind, iter([template.template_csv()]))
    ledgers = _ledgers(desk, connection)
    made = template.template_xlsx(ledgers, connection.custom_currencies, desk.settings.scratch_dir)
    return workbook(name, made)


def _ledgers(desk: Desk, connection: Connection) -> list[Ledger]:
    """Empty without read permission: the template then lists none."""
    found: list[Ledger] = []
    try:
        with desk.client(connection) as client:
            page = 1
            while (part := client.list_ledgers(page)) and len(found) < _MOST_LEDGERS:
                found += part
                page += 1
    except AccessDenied as denied:
        if denied.status != 403:
            raise NotAvailable(503, f"Blnk rejected the credentials: {denied}") from None
    except BlnkError as failed:
        raise NotAvailable(
            503, f"The template needs the list of ledgers, which could not be read from Blnk: {failed}"
        ) from None
    return found


def _found(desk: Desk, request: Request, id: str) -> Import:
    with desk.store.read() as tx:
        import_ = imports.find(tx, id)
    if import_ is None:
        raise NotAvailable(404, "The import of this link no longer exists.")
    asker(desk, request).require(Act.DOWNLOAD, import_.instance)
    return import_
