"""Blnk Cloud's API on the same store: the proxy to Core, the Data API, the Filters API and OAuth.

Paths, defaults and bodies are those of Blnk Cloud's documentation. Its errors are neither documented nor
recorded; here they are `{"error": text}`. What its filters answer if they find nothing is unrecorded too;
here it is `"data": []`.
"""

import base64
import binascii
from typing import Any
from urllib.parse import parse_qs

from blnk_api.practice.api import filters, gojson
from blnk_api.practice.api.access import Access
from blnk_api.practice.api.core import CLEAR, PAGE_LIMIT, Core, View, find, invalid_filter
from blnk_api.practice.api.exchange import ApiRequest, Reply, core_error, json_reply
from blnk_api.practice.api.filters import BALANCES, IDENTITIES, LEDGERS, Table
from blnk_api.practice.contents import DataError

DATA = {"ledgers": LEDGERS, "balances": BALANCES, "identities": IDENTITIES}
FILTERS = {"ledger": LEDGERS, "balances": BALANCES, "identities": IDENTITIES}
"""The Filters API calls the ledgers' endpoint /ledger/filter."""
PAGE_DEFAULTS = {LEDGERS.name: 30, BALANCES.name: 20, IDENTITIES.name: 20}
PROXIED = ("balances", "ledgers", "identities")


class Cloud:
    """`sorts`: whether filters respect sort_by and sort_order in the body, which is not documented."""

    def __init__(self, core: Core, access: Access, instance_id: str) -> None:
        self._core = core
        self._access = access
        self._instance_id = instance_id
        self.sorts = True

    def answer(self, request: ApiRequest, view: View = CLEAR, created_ns: int | None = None) -> Reply:
        """Answers a request to Blnk Cloud. `path` begins with the API's name. `created_ns` as in
        Core.serve."""
        if request.path == ("oauth", "token"):
            return self._token(request) if request.method == "POST" else _error(405, "Method not allowed")
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        scopes = self._access.scopes_of(token.strip()) if scheme.lower() == "bearer" else None
        if scopes is None:
            return _error(401, "Invalid or expired access token")
        if not (instance_id := request.query.get("instance_id")):
            return _error(400, "instance_id is required")
        if instance_id != self._instance_id:
            return _error(404, "Instance not found")
        match (request.method, *request.path):
            case (method, "proxy", surface, *rest) if surface in PROXIED and rest[-1:] != ["filter"]:
                needed = "proxy:read" if method == "GET" else "proxy:write"
                inner = ApiRequest(method, request.path[1:], request.query, request.headers, request.body)
                return _without(scopes, needed) or self._core.serve(inner, view, created_ns)
            case ("GET", "data", surface) if surface in DATA:
                return _without(scopes, "data:read") or self._list(DATA[surface], request, view)
            case ("GET", "data", "transactions"):
                return _without(scopes, "data:read") or json_reply(200, {"data": [], "total": 0})
            case ("GET", "data", surface, _) if surface in DATA:
                inner = ApiRequest("GET", request.path[1:], {}, {}, b"")
                return _without(scopes, "data:read") or self._core.serve(inner, view)
            case ("POST", surface, "filter") if surface in FILTERS:
                return _without(scopes, "data:read") or self._filter(FILTERS[surface], request, view)
            case _:
                return _error(404, "Not found")

    def _list(self, table: Table, request: ApiRequest, view: View) -> Reply:
        return self._page(table, request, view, filters.from_query(request.query, table), {}, stats=False)

    def _filter(self, table: Table, request: ApiRequest, view: View) -> Reply:
        struct = "FilterRequest"
        try:
            fields = gojson.read_object(request.body, f"api.{struct}")
            wanted = gojson.items(fields, struct, "filters")
            sort = {name: gojson.text(fields, struct, name) for name in ("sort_by", "sort_order")}
        except gojson.Malformed as error:
            return core_error(400, "GEN_MALFORMED_REQUEST", str(error))
        return self._page(
            table, request, view, wanted, sort if self.sorts else {}, stats=table is not LEDGERS
        )

    def _page(
        self,
        table: Table,
        request: ApiRequest,
        view: View,
        wanted: list[Any],
        sort: dict[str, str],
        *,
        stats: bool,
    ) -> Reply:
        size = _whole(request.query.get("pageSize"))
        limit = size if 0 < size <= PAGE_LIMIT else PAGE_DEFAULTS[table.name]
        offset = (max(_whole(request.query.get("page")), 1) - 1) * limit
        try:
            found, total = find(
                self._core.store, table, wanted, view, limit=limit, offset=offset, counted=True, **sort
            )
        except filters.InvalidFilter as error:
            return invalid_filter(error)
        except (filters.BadValue, DataError):
            return _error(500, f"Failed to retrieve {table.name}")
        return json_reply(200, {"data": found, "total": total, **({"stats": {}} if stats else {})})

    def _token(self, request: ApiRequest) -> Reply:
        client_id, client_secret = _basic(request.headers.get("authorization", ""))
        if not self._access.knows_client(client_id, client_secret):
            return _error(401, "invalid_client")
        form = {name: values[0] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
        if form.get("grant_type") != "refresh_token":
            return _error(400, "unsupported_grant_type")
        pair = self._access.refresh(client_id, form.get("refresh_token", ""))
        return _error(400, "invalid_grant") if pair is None else json_reply(200, pair)


def _error(status: int, text: str) -> Reply:
    return json_reply(status, {"error": text})


def _without(scopes: frozenset[str], needed: str) -> Reply | None:
    return None if scopes & {needed, "*"} else _error(403, f"Insufficient scope: {needed} is required")


def _whole(given: str | None) -> int:
    return int(given) if given and given.isdecimal() else 0


def _basic(header: str) -> tuple[str, str]:
    scheme, _, value = header.partition(" ")
    try:
        name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return (name, secret) if scheme.lower() == "basic" else ("", "")
