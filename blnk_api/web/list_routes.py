"""Downloads of lists, behind signed links: imports, a month's balances, balances in Blnk, the audit trail.

A list is read when its link is opened. If it cannot be read completely, nothing is sent.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from blnk_api.access.actors import Actor
from blnk_api.access.acts import Act
from blnk_api.desk.balance_search import Wanted, as_table, found_whole
from blnk_api.desk.desk import Desk
from blnk_api.desk.links import Links, Listing
from blnk_api.errors import BlnkError
from blnk_api.files import csv_writer, xlsx_writer
from blnk_api.files.kinds import FileKind
from blnk_api.files.table import Cell
from blnk_api.reports import months, trail
from blnk_api.reports.months import CreatedBalance, Month
from blnk_api.settings import Connection
from blnk_api.store import instance_numbers
from blnk_api.store.imports import Import
from blnk_api.store.search import import_search
from blnk_api.store.search.import_search import Search
from blnk_api.store.states import STATUSES, ImportState, RowState
from blnk_api.store.trail.reading import TrailEntry
from blnk_api.store.trail.reading import Wanted as TrailPart
from blnk_api.web.download_records import record
from blnk_api.web.responses import NotAvailable, asker, file, one_of, route, token, workbook
from blnk_api.wording import about_imports, phrases
from blnk_api.wording.whole_desk import about_trail

_PATH = "/listing"
_PAGE_IMPORTS = 200

Asked = dict[str, Any]
"""What a link requests, as JSON. It was signed here, so it is what we wrote."""

Table = tuple[str, Sequence[str], Iterable[Sequence[Cell]]]
"""Name, header, records."""


def routes() -> Sequence[Route]:
    return [route(f"{_PATH}/{{token}}", _list)]


def imports_url(links: Links, connection: Connection, search: Search, kind: FileKind) -> str:
    """The imports that match a search. `connection` decides whether the file is named PRACTICE."""
    return _url(links, "imports", connection, kind, asdict(search))


def month_url(links: Links, connection: Connection, month: Month, kind: FileKind) -> str:
    """The balances of a month, in the time zone of the settings."""
    return _url(links, "month", connection, kind, {"month": str(month)})


def balances_url(links: Links, connection: Connection, wanted: Wanted, kind: FileKind) -> str:
    """The balances in Blnk that match."""
    return _url(links, "balances", connection, kind, asdict(wanted))


def trail_url(links: Links, connection: Connection, wanted: TrailPart, kind: FileKind) -> str:
    """The audit trail, or part of it."""
    return _url(links, "trail", connection, kind, asdict(wanted))


def _url(links: Links, what: str, connection: Connection, kind: FileKind, asked: Mapping[str, object]) -> str:
    return f"{_PATH}/{links.sign(Listing(what, connection.name, kind, orjson.dumps(asked).decode()))}"


def _list(desk: Desk, request: Request) -> Response:
    wanted = desk.links.open_as(token(request), Listing)
    kind = one_of(FileKind, wanted.form)
    connection = desk.settings.connections.get(wanted.connection)
    if connection is None:
        raise NotAvailable(404, "The connection of this link no longer exists.")
    who = asker(desk, request)
    who.require(Act.DOWNLOAD, connection.instance)
    try:
        name, header, records = _TABLES[wanted.what](desk, connection, orjson.loads(wanted.asked), who)
    except BlnkError as problem:
        raise NotAvailable(
            502, f"The list could not be made, because Blnk could not be read: {problem}"
        ) from None
    name += " - PRACTICE" if connection.instance.environment == "practice" else ""
    record(desk, request, f"{name}.{kind}")
    if kind is FileKind.CSV:
        return file(f"{name}.csv", kind, csv_writer.stream(header, records))
    made = xlsx_writer.made(desk.settings.scratch_dir, lambda book: book.add_table(name, header, records))
    return workbook(f"{name}.xlsx", made)


def _imports(desk: Desk, _: Connection, asked: Asked, who: Actor) -> Table:
    state = ImportState(asked["state"]) if asked["state"] else None
    search = Search(**{**asked, "state": state, "needs": tuple(map(RowState, asked["needs"]))})
    zone = desk.settings.time_zone
    header = [
        f"Uploaded ({zone})",
        "File",
        "State",
        "Uploaded by",
        "Confirmed by",
        f"Confirmed ({zone})",
        f"Finished ({zone})",
        "Environment",
        "Connection",
        "Rows",
        *STATUSES,
        "Import",
    ]

    def when(seconds: float | None) -> Cell:
        return datetime.fromtimestamp(seconds, zone) if seconds is not None else ""

    def record(one: Import) -> Sequence[Cell]:
        return [
            when(one.created_at),
            about_imports.title(one),
            about_imports.state(one),
            phrases.actor(one.who),
            phrases.actor(one.confirmed_by) if one.confirmed_by else "",
            when(one.confirmed_at),
            when(one.finished_at),
            phrases.ENVIRONMENT[one.instance.environment],
            one.connection,
            one.row_count,
            *one.statuses.values(),
            one.id,
        ]

    return "imports", header, map(record, _all_found(desk, search, who))


def _all_found(desk: Desk, search: Search, who: Actor) -> Iterator[Import]:
    """Across all connections whose imports this person may download."""
    with desk.store.read() as tx:
        used = instance_numbers.with_imports(tx)
    among = [number for number, one in used.items() if who.may(Act.DOWNLOAD, one)]
    before: int | None = None
    while True:
        with desk.store.read() as tx:
            page = import_search.search(tx, search, before=before, limit=_PAGE_IMPORTS, among=among)
        yield from page
        if len(page) < _PAGE_IMPORTS:
            return
        before = page[-1].number


def _month(desk: Desk, connection: Connection, asked: Asked, _: Actor) -> Table:
    month, zone = Month.parse(asked["month"]), desk.settings.time_zone
    assert month is not None
    header = [f"Created ({zone})", "Created by", "Ledger", "Currency", "Balance id", "Import", "File", "Row"]
    with desk.store.read() as tx:
        number = instance_numbers.known_number(tx, connection.instance)
    made = months.balances(desk.store, number, month, zone) if number is not None else ()

    def record(one: CreatedBalance) -> Sequence[Cell]:
        return [
            datetime.fromtimestamp(one.at, zone),
            phrases.actor(one.who),
            one.ledger_id,
            one.currency,
            one.balance_id,
            one.import_id,
            one.file_name,
            one.row,
        ]

    return f"balances {month}", header, map(record, made)


def _balances(desk: Desk, connection: Connection, asked: Asked, _: Actor) -> Table:
    with desk.client(connection) as client:
        found = found_whole(client, Wanted(**asked))
    header, records = as_table(found)
    return "balances in Blnk", header, records


def _trail(desk: Desk, _: Connection, asked: Asked, who: Actor) -> Table:
    zone = desk.settings.time_zone
    header = ["Import", "Number", f"When ({zone})", "Who", "What", "SHA-256 link"]

    def record(one: TrailEntry) -> Sequence[Cell]:
        at = datetime.fromtimestamp(one.at, zone)
        sentence = about_trail.event(one)
        return [one.import_id or "", one.n or "", at, phrases.actor(one.who), sentence, one.link or ""]

    return "audit trail", header, map(record, trail.downloaded(desk.store, who, TrailPart(**asked)))


_TABLES = {"imports": _imports, "month": _month, "balances": _balances, "trail": _trail}
