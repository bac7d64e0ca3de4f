"""Core's POST endpoints: their checks, the wording of their rejections, and what they store."""

import re
import secrets
from collections.abc import Callable
from typing import Any

import orjson

from blnk_api.practice.api import gojson, json_rows
from blnk_api.practice.api.exchange import Reply, core_error, database_error, json_reply
from blnk_api.practice.api.filters import IDENTITIES, IDENTITY_TEXTS, LEDGERS
from blnk_api.practice.contents import IndicatorTaken, NoSuchRow, Store, new_id

BODY_LIMIT_BYTES = 5 * 1024 * 1024
STRATEGIES = ("FIFO", "LIFO", "PROPORTIONAL")
GENERAL_LEDGER_ID = "general_ledger_id"
_BALANCE = {
    "ledger_id": "string",
    "identity_id": "string",
    "currency": "string",
    "precision": "float64",
    "meta_data": gojson.MAP,
    "track_fund_lineage": "bool",
    "allocation_strategy": "string",
}
"""The fields of a new balance. Core drops a precision after parsing it."""
_UTF8 = {"Code": "22021", "Message": 'invalid byte sequence for encoding "UTF8": 0x00'}
_ESCAPE = {
    "Code": "22P05",
    "Message": "unsupported Unicode escape sequence",
    "Detail": "\\u0000 cannot be converted to text.",
}
"""How Postgres rejects a NUL: as a byte in a text column, as an escape in metadata."""


def guarded(make: Callable[..., Reply]) -> Callable[..., Reply]:
    """Rejects bodies that Core cannot decode before `make` sees them, with Core's message."""

    def made(store: Store, body: bytes, *args: Any, **kwargs: Any) -> Reply:
        try:
            if len(body) > BODY_LIMIT_BYTES:
                raise gojson.Malformed("http: request body too large")
            return make(store, body, *args, **kwargs)
        except gojson.Malformed as error:
            return core_error(400, "GEN_MALFORMED_REQUEST", str(error))

    return made


@guarded
def balance(store: Store, body: bytes, *, indicators: bool, created_ns: int | None = None) -> Reply:
    """POST /balances. Without `indicators` (Core 0.15.2) that field is unknown, and is dropped.

    `created_ns` is when Core received the request, if its commit comes later. None means now.
    """
    struct = "CreateBalance"
    fields = gojson.read_object(body, f"model.{struct}")
    gojson.check(fields, struct, _BALANCE | ({"indicator": "string"} if indicators else {}))
    meta_data = gojson.metadata(fields, struct)
    row: dict[str, Any] = {
        "balance_id": new_id("bln"),
        "ledger_id": gojson.text(fields, struct, "ledger_id"),
        "identity_id": gojson.text(fields, struct, "identity_id") or None,
        "currency": gojson.text(fields, struct, "currency"),
        "indicator": (gojson.text(fields, struct, "indicator").strip() or None) if indicators else None,
        "track_fund_lineage": gojson.flag(fields, struct, "track_fund_lineage"),
        "allocation_strategy": gojson.text(fields, struct, "allocation_strategy").strip().upper() or "FIFO",
    }
    if problems := _problems(row):
        return _invalid(problems)
    if b"\\u0000" in body and (refused := _refused_nul((row, _UTF8), (meta_data, _ESCAPE))):
        return refused
    at_ns = created_ns or store.now_ns()
    row["created_at"] = at_ns // 1000
    row["meta_data"] = None if meta_data is None else orjson.dumps(meta_data).decode()
    try:
        store.insert_balance(row)
    except IndicatorTaken:
        return _indicator_taken(row)
    except NoSuchRow as missing:
        return _no_such_row(missing)
    return json_reply(201, json_rows.balance_made(row, at_ns))


@guarded
def ledger(store: Store, body: bytes) -> Reply:
    fields = gojson.read_object(body, "model.CreateLedger")
    name = gojson.text(fields, "CreateLedger", "name")
    meta_data = gojson.metadata(fields, "CreateLedger")
    if not name:
        return _invalid({"name": "cannot be blank"})
    if refused := _refused_nul((meta_data, _ESCAPE), (name, _UTF8)):
        return refused
    at_ns = store.now_ns()
    row = {"ledger_id": new_id("ldg"), "name": name, "created_at": at_ns // 1000}
    store.insert(LEDGERS, {**row, "meta_data": _stored(meta_data)})
    return json_reply(201, {**row, "created_at": json_rows.time_text(at_ns), "meta_data": meta_data})


@guarded
def identity(store: Store, body: bytes) -> Reply:
    fields = gojson.read_object(body, "model.Identity")
    texts = {name: gojson.text(fields, "Identity", name) for name in IDENTITY_TEXTS}
    meta_data = gojson.metadata(fields, "Identity")
    if refused := _refused_nul((texts, _UTF8), (meta_data, _ESCAPE)):
        return refused
    at_ns = store.now_ns()
    row = {
        "identity_id": new_id("idt"),
        **texts,
        "dob": gojson.text(fields, "Identity", "dob") or json_rows.NO_TIME,
        "created_at": at_ns // 1000,
    }
    store.insert(IDENTITIES, {**row, "meta_data": _stored(meta_data)})
    return json_reply(201, {**row, "created_at": json_rows.time_text(at_ns), "meta_data": meta_data})


@guarded
def api_key(store: Store, body: bytes) -> Reply:
    """POST /api-keys: a key for Core with scopes such as balances:read."""
    fields = gojson.read_object(body, "model.CreateAPIKeyRequest")
    scopes = [str(scope) for scope in fields.get("scopes") or []]
    key, expires_at = secrets.token_urlsafe(32), gojson.text(fields, "CreateAPIKeyRequest", "expires_at")
    store.db.execute(
        "INSERT INTO core_keys VALUES (?, ?, ?)", (key, orjson.dumps(scopes).decode(), expires_at)
    )
    made = {
        "api_key_id": new_id("api_key"),
        "key": key,
        "name": gojson.text(fields, "CreateAPIKeyRequest", "name"),
        "owner_id": gojson.text(fields, "CreateAPIKeyRequest", "owner"),
        "scopes": scopes,
        "expires_at": expires_at,
        "created_at": json_rows.time_text(store.now_ns()),
        "last_used_at": json_rows.NO_TIME,
        "is_revoked": False,
    }
    return json_reply(201, made)


def _problems(row: dict[str, Any]) -> dict[str, str]:
    found = {name: "cannot be blank" for name in ("ledger_id", "currency") if not row[name]}
    if row["track_fund_lineage"] and not row["identity_id"]:
        found["identity_id"] = "identity_id is required when track_fund_lineage is enabled"
    if row["allocation_strategy"] not in STRATEGIES:
        found["allocation_strategy"] = f"allocation_strategy must be one of: {', '.join(STRATEGIES)}"
    if row["indicator"] and row["ledger_id"] != GENERAL_LEDGER_ID:
        found["indicator"] = (
            "indicator is only allowed for General Ledger balances (ledger_id = general_ledger_id)"
        )
    elif row["indicator"] and not re.fullmatch(r"@[^\t\n\f\r ]+", row["indicator"]):
        found["indicator"] = "indicator must start with '@' and contain no whitespace (e.g. '@cash')"
    return found


def _invalid(problems: dict[str, str]) -> Reply:
    message = "; ".join(f"{name}: {problems[name]}" for name in sorted(problems)) + "."
    return core_error(400, "GEN_VALIDATION_ERROR", message, key="errors")


def _refused_nul(*columns: tuple[Any, dict[str, str]]) -> Reply | None:
    """Postgres' error for the first of these columns, in statement order, that contains a NUL."""
    pg = next((pg for value, pg in columns if gojson.has_nul(value)), None)
    return None if pg is None else database_error(500, "GEN_INTERNAL", "Database error occurred", pg)


def _no_such_row(missing: NoSuchRow) -> Reply:
    constraint = f"balances_{missing.column}_fkey"
    pg = {
        "Code": "23503",
        "Message": f'insert or update on table "balances" violates foreign key constraint "{constraint}"',
        "Detail": f'Key ({missing.column})=({missing.value}) is not present in table "{missing.table}".',
        "Schema": "blnk",
        "Table": "balances",
        "Constraint": constraint,
        "File": "ri_triggers.c",
        "Line": "2596",
        "Routine": "ri_ReportViolation",
    }
    return database_error(400, "GEN_BAD_REQUEST", "Invalid ledger ID", pg)


def _indicator_taken(row: dict[str, Any]) -> Reply:
    indicator, currency = row["indicator"], row["currency"]
    pg = {
        "Code": "23505",
        "Message": 'duplicate key value violates unique constraint "unique_indicator_currency"',
        "Detail": f"Key (indicator, currency)=({indicator}, {currency}) already exists.",
        "Schema": "blnk",
        "Table": "balances",
        "Constraint": "unique_indicator_currency",
        "File": "nbtinsert.c",
        "Line": "664",
        "Routine": "_bt_check_unique",
    }
    message = f"Balance already exists for indicator '{indicator}' and '{currency}'"
    return database_error(409, "GEN_CONFLICT", message, pg)


def _stored(meta_data: dict[str, Any] | None) -> str | None:
    return None if meta_data is None else orjson.dumps(meta_data).decode()
