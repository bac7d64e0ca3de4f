"""Blnk Core's API: keys and their scopes, the endpoints that create and read, and the filters.

If versions of Core answer differently, `version` decides: indicators exist from 0.15.3 on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

import orjson

from blnk_api.practice.api import creating, filters, gojson, json_rows
from blnk_api.practice.api.exchange import PAGE_NOT_FOUND, ApiRequest, Reply, core_error, json_reply
from blnk_api.practice.api.filters import BALANCES, IDENTITIES, LEDGERS, Table
from blnk_api.practice.contents import DataError, Store, seen_by

Version = Literal["0.15.2", "0.15.3"]
VERSIONS: tuple[Version, ...] = get_args(Version)
NEWEST: Version = "0.15.3"
PAGE_LIMIT = 100
PAGE_DEFAULT = 20
LIST_DEFAULT = 10

SHAPES: dict[str, Callable[[Any], dict[str, Any]]] = {
    LEDGERS.name: json_rows.ledger,
    IDENTITIES.name: json_rows.identity,
    BALANCES.name: json_rows.balance_found,
}
_ACTIONS = {
    "GET": "read",
    "HEAD": "read",
    "POST": "write",
    "PUT": "write",
    "PATCH": "write",
    "DELETE": "delete",
}


def version_of(version: Any) -> Version:
    """Raises ValueError for an unsupported version. "main" is what 0.15.3 was before its release."""
    version = NEWEST if version == "main" else version
    if version not in VERSIONS:
        raise ValueError(f"version must be one of {', '.join(VERSIONS)}")
    return version  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class View:
    """How well a reader sees: how far its replica lags behind, and a function that drops rows a filter
    found."""

    lag_seconds: float = 0
    thinned: Callable[[list[Any]], list[Any]] = list


CLEAR = View()


class Core:
    def __init__(self, store: Store, master_key: str, version: Version = NEWEST) -> None:
        self.store = store
        self.version: Version = version
        self._master_key = master_key

    def answer(self, request: ApiRequest, view: View = CLEAR, created_ns: int | None = None) -> Reply:
        """Answers a request to Core itself, with an X-Blnk-Key. `created_ns` as in serve."""
        return self._refused_key(request) or self.serve(request, view, created_ns)

    def serve(self, request: ApiRequest, view: View = CLEAR, created_ns: int | None = None) -> Reply:
        """Answers an authorized request.

        `created_ns` is the creation time of a balance whose commit comes later than its request. None means
        now.
        """
        store = self.store
        match (request.method, *request.path):
            case ("POST", "balances"):
                knows = self.version != "0.15.2"
                return creating.balance(store, request.body, indicators=knows, created_ns=created_ns)
            case ("POST", "ledgers"):
                return creating.ledger(store, request.body)
            case ("POST", "identities"):
                return creating.identity(store, request.body)
            case ("POST", "api-keys"):
                return creating.api_key(store, request.body)
            case ("POST", "balances", "filter"):
                return self._filter(BALANCES, request, view)
            case ("POST", "ledgers", "filter"):
                return self._filter(LEDGERS, request, view)
            case ("POST", "identities", "filter"):
                return self._filter(IDENTITIES, request, view)
            case ("GET", "balances", "indicator", indicator, "currency", currency):
                return self._by_indicator(indicator, currency, view)
            case ("GET", "balances", balance_id):
                return self._balance(balance_id, view)
            case ("GET", "ledgers", ledger_id):
                missing = core_error(404, "LGR_NOT_FOUND", "Ledger not found", details={})
                return self._one(LEDGERS, ledger_id, view, missing)
            case ("GET", "identities", identity_id):
                message = f"Identity with ID '{identity_id}' not found"
                missing = core_error(404, "IDT_NOT_FOUND", message, details={})
                return self._one(IDENTITIES, identity_id, view, missing)
            case ("GET", "ledgers"):
                return self._list_ledgers(request, view)
            case ("GET", "identities"):
                found = store.find(IDENTITIES, seen_by(view.lag_seconds), limit=-1)
                return json_reply(200, [json_rows.identity(row) for row in found])
            case _:
                return PAGE_NOT_FOUND

    def _refused_key(self, request: ApiRequest) -> Reply | None:
        key = request.headers.get("x-blnk-key", "")
        if not key:
            message = "Authentication required. Use X-Blnk-Key header"
            return core_error(401, "AUTH_MISSING_API_KEY", message)
        if key == self._master_key:
            return None
        held = self.store.db.execute("SELECT * FROM core_keys WHERE key = ?", (key,)).fetchone()
        if held is None:
            return core_error(401, "AUTH_INVALID_API_KEY", "Invalid API key")
        if held["expires_at"] and datetime.fromisoformat(held["expires_at"]) <= datetime.now(UTC):
            return core_error(401, "AUTH_API_KEY_EXPIRED", "API key is expired or revoked")
        resource, action = request.path[0] if request.path else "", _ACTIONS.get(request.method, "")
        granted = {f"{resource}:{action}", f"{resource}:*", f"*:{action}", "*:*"}
        if granted.isdisjoint(orjson.loads(held["scopes"])):
            message = f"Insufficient permissions for {resource}:{action}"
            return core_error(403, "AUTH_INSUFFICIENT_PERMISSIONS", message)
        return None

    def _balance(self, balance_id: str, view: View) -> Reply:
        row = self.store.get(BALANCES, balance_id, seen_by(view.lag_seconds))
        if row is not None:
            return json_reply(200, json_rows.balance_read(row))
        return core_error(404, "BAL_NOT_FOUND", f"Balance with ID '{balance_id}' not found", details={})

    def _by_indicator(self, indicator: str, currency: str, view: View) -> Reply:
        which = seen_by(view.lag_seconds).also("indicator = ? AND currency = ?", indicator, currency)
        if found := self.store.find(BALANCES, which, limit=1):
            return json_reply(200, json_rows.balance_read(found[0]))
        return core_error(404, "BAL_NOT_FOUND", f"balance with indicator '{indicator}' not found")

    def _one(self, table: Table, row_id: str, view: View, missing: Reply) -> Reply:
        row = self.store.get(table, row_id, seen_by(view.lag_seconds))
        return missing if row is None else json_reply(200, SHAPES[table.name](row))

    def _list_ledgers(self, request: ApiRequest, view: View) -> Reply:
        page = []
        for name, default, least in (("limit", LIST_DEFAULT, 1), ("offset", 0, 0)):
            given = request.query.get(name, str(default))
            if not given.isdecimal() or int(given) < least:
                return core_error(400, "GEN_VALIDATION_ERROR", f"Invalid {name} value")
            page.append(int(given))
        limit, offset = page
        found = self.store.find(LEDGERS, seen_by(view.lag_seconds), limit=limit, offset=offset)
        return json_reply(200, [json_rows.ledger(row) for row in found])

    def _filter(self, table: Table, request: ApiRequest, view: View) -> Reply:
        try:
            fields = gojson.read_object(request.body, "api.FilterRequest")
            limit = gojson.whole(fields, "FilterRequest", "limit")
            offset = max(gojson.whole(fields, "FilterRequest", "offset"), 0)
            found, total = find(
                self.store,
                table,
                gojson.items(fields, "FilterRequest", "filters"),
                view,
                limit=limit if 0 < limit <= PAGE_LIMIT else PAGE_DEFAULT,
                offset=offset,
                sort_by=gojson.text(fields, "FilterRequest", "sort_by"),
                sort_order=gojson.text(fields, "FilterRequest", "sort_order"),
                counted=gojson.flag(fields, "FilterRequest", "include_count"),
            )
        except gojson.Malformed as error:
            return core_error(400, "GEN_MALFORMED_REQUEST", str(error))
        except filters.InvalidFilter as error:
            return invalid_filter(error)
        except (filters.BadValue, DataError):
            return core_error(500, "GEN_INTERNAL", f"Failed to retrieve {table.name}", details={})
        if total is None:
            return json_reply(200, found or None)
        return json_reply(200, {"data": found, "total_count": total} if found else {"data": None})


def invalid_filter(error: filters.InvalidFilter) -> Reply:
    return core_error(400, "GEN_BAD_REQUEST", f"Invalid filter: {error}", details={})


def find(
    store: Store,
    table: Table,
    asked_for: list[Any],
    view: View,
    *,
    limit: int,
    offset: int,
    sort_by: str = "",
    sort_order: str = "",
    counted: bool = False,
) -> tuple[list[dict[str, Any]], int | None]:
    """A page of rows in Core's format, newest first by default, and their number if it is counted.

    Raises InvalidFilter, BadValue or DataError. An unknown sort field is ignored.
    """
    column = sort_by.strip().lower()
    if column not in table.sortable or column in filters.MONEY:
        column = "created_at"
    which = filters.where(asked_for, table)
    behind = seen_by(view.lag_seconds)
    which = which.also(behind.sql, *behind.args)
    descending = sort_order.strip().lower() != "asc"
    rows = store.find(table, which, limit=limit, offset=offset, sort_by=column, descending=descending)
    shape = SHAPES[table.name]
    total = store.count(table, which) if counted else None
    return [shape(row) for row in view.thinned(rows)], total
