"""Lists to download, behind signed links: imports, the balances of a month, balances found in Blnk.

What is listed is read when the link is followed; a list that cannot be read whole is not given at all.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import IO, Any, Literal

import orjson
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from blnk_api import listing, words
from blnk_api.desk import Desk, open_desk
from blnk_api.errors import BlnkError, SettingsProblem
from blnk_api.finding import Wanted, as_table, found_whole
from blnk_api.imports import months
from blnk_api.imports.journal import JournalUnavailable, history
from blnk_api.imports.journal.history import Search
from blnk_api.imports.journal.imports import Import
from blnk_api.imports.journal.states import WORDS, ImportState, RowState
from blnk_api.imports.months import Made, Month
from blnk_api.links import BadLink, Links, Listing, OldLink
from blnk_api.listing import Cell
from blnk_api.settings import Connection

_PATH = "/listing"
_PAGE_IMPORTS = 200
_PIECE_BYTES = 1 << 16

Form = Literal["csv", "xlsx"]
FORMS: Mapping[Form, str] = {"csv": "CSV", "xlsx": "XLSX"}
_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

Table = tuple[str, Sequence[str], Iterable[Sequence[Cell]]]
"""What it is called, its header, its records."""


def routes() -> Sequence[Route]:
    return [Route(f"{_PATH}/{{token}}", _answer, methods=["GET"])]


def imports_url(links: Links, connection: Connection, search: Search, form: Form) -> str:
    """The imports for which a search holds. `connection` names the file, and what is real in it."""
    return _url(links, "imports", connection, form, asdict(search))


def month_url(links: Links, connection: Connection, month: Month, form: Form) -> str:
    """The balances of a month, in the time zone of the settings."""
    return _url(links, "month", connection, form, {"month": str(month)})


def balances_url(links: Links, connection: Connection, wanted: Wanted, form: Form) -> str:
    """The balances in Blnk for which it holds."""
    return _url(links, "balances", connection, form, asdict(wanted))


def _url(links: Links, what: str, connection: Connection, form: Form, asked: Mapping[str, Any]) -> str:
    token = links.sign(Listing(what, connection.name, form, orjson.dumps(asked).decode()))
    return f"{_PATH}/{token}"


async def _answer(request: Request) -> Response:
    return await run_in_threadpool(_list, request.path_params["token"])


def _list(token: str) -> Response:
    try:
        desk = open_desk()
        wanted = desk.links.open_as(token, Listing)
    except BadLink:
        return _say(403, "This download link is not valid. Open the page again and download from there.")
    except OldLink:
        return _say(410, "This download link has expired. Open the page again and download from there.")
    except (SettingsProblem, JournalUnavailable):
        return _say(503, "Balance Desk is not set up correctly at this moment. Its pages say what is wrong.")
    connection = desk.settings.connections.get(wanted.connection)
    if connection is None:
        return _say(404, "The connection behind this download link is not here any more.")
    try:
        name, header, records = _TABLES[wanted.what](desk, connection, orjson.loads(wanted.asked))
    except BlnkError as problem:
        return _say(502, f"Blnk could not be read, so that there is no list: {problem}")
    name += " - PRACTICE" if connection.instance.environment == "practice" else ""
    headers = {
        "Content-Disposition": f'attachment; filename="{name}.{wanted.form}"',
        "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
        "Cache-Control": "no-store",
    }
    type_ = _TYPES[wanted.form]
    if wanted.form == "csv":
        return StreamingResponse(listing.as_csv(header, records), media_type=type_, headers=headers)
    file = listing.as_xlsx(name, header, records)
    closed = BackgroundTask(file.close)
    return StreamingResponse(_pieces(file), media_type=type_, headers=headers, background=closed)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(_PIECE_BYTES):
        yield piece


def _imports(desk: Desk, _: Connection, asked: dict[str, Any]) -> Table:
    state = ImportState(asked["state"]) if asked["state"] else None
    search = Search(**{**asked, "state": state, "needs": tuple(map(RowState, asked["needs"]))})
    zone = desk.settings.time_zone
    header = [
        *(f"Uploaded ({zone})", "File", "State", "Uploaded by", "Confirmed by", f"Confirmed ({zone})"),
        *(f"Finished ({zone})", "Environment", "Connection", "Rows", *WORDS.values(), "Import"),
    ]

    def when(seconds: float | None) -> Cell:
        return datetime.fromtimestamp(seconds, zone) if seconds is not None else ""

    def record(one: Import) -> Sequence[Cell]:
        return [
            *(when(one.created_at), words.title(one), words.STATE[one.state], one.who),
            *(one.confirmed_by or "", when(one.confirmed_at), when(one.finished_at)),
            *(words.ENVIRONMENT[one.instance.environment], one.connection, one.row_count),
            *(one.counts.get(state, 0) for state in WORDS),
            one.id,
        ]

    return "imports", header, map(record, _all_found(desk, search))


def _all_found(desk: Desk, search: Search) -> Iterator[Import]:
    before: int | None = None
    while True:
        with desk.journal.read() as tx:
            page = history.search(tx, search, before=before, limit=_PAGE_IMPORTS)
        yield from page
        if len(page) < _PAGE_IMPORTS:
            return
        before = page[-1].number


def _month(desk: Desk, connection: Connection, asked: dict[str, Any]) -> Table:
    month, zone = Month.parse(asked["month"]), desk.settings.time_zone
    assert month is not None
    header = [f"Created ({zone})", "Who", "Ledger", "Currency", "Balance id", "Import", "File", "Row"]
    with desk.journal.read() as tx:
        number = history.number_of(tx, connection.instance)
    made = months.balances(desk.journal, number, month, zone) if number is not None else ()

    def record(one: Made) -> Sequence[Cell]:
        return [
            *(datetime.fromtimestamp(one.at, zone), one.who, one.ledger_id, one.currency),
            *(one.balance_id, one.import_id, one.file_name, one.row),
        ]

    return f"balances {month}", header, map(record, made)


def _balances(desk: Desk, connection: Connection, asked: dict[str, Any]) -> Table:
    with desk.client(connection) as client:
        found = found_whole(client, Wanted(**asked))
    header, records = as_table(found)
    return "balances in Blnk", header, records


_TABLES = {"imports": _imports, "month": _month, "balances": _balances}


def _say(status: int, text: str) -> Response:
    return PlainTextResponse(text + "\n", status, {"Cache-Control": "no-store"})
