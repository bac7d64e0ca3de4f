"""Core's filters as SQL: their fields, operators and comparisons, and how Core rejects wrong ones.

Postgres' rules are kept where they matter: a created_at is compared without its time zone, a metadata `eq`
distinguishes "1" from 1, `in` compares text, and an `in` without values is ignored. Metadata keys are not
nested.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from blnk_api.practice.api.gojson import has_nul

OPERATORS = ("eq", "ne", "gt", "gte", "lt", "lte", "in", "between", "like", "ilike", "isnull", "isnotnull")
COMPARED = {"eq": "=", "ne": "!=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_KEY = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*")
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(\.\d+)?)?\s*(?:Z|[+-]\d\d(?::?\d\d)?)?", re.I
)

IDENTITY_TEXTS = (
    "identity_type",
    "organization_name",
    "category",
    "first_name",
    "last_name",
    "other_names",
    "gender",
    "email_address",
    "phone_number",
    "nationality",
    "street",
    "country",
    "state",
    "post_code",
    "city",
)
MONEY = (
    "balance",
    "inflight_balance",
    "credit_balance",
    "inflight_credit_balance",
    "debit_balance",
    "inflight_debit_balance",
)


class InvalidFilter(ValueError):
    """Core answers 400 with this text."""


class BadValue(ValueError):
    """Postgres cannot compare this value, so Core answers 500."""


@dataclass(frozen=True, slots=True)
class Table:
    """`name` is Core's name for it, in messages and in SQL. `fields` are the columns that can be filtered."""

    name: str
    fields: frozenset[str]
    sortable: frozenset[str]


@dataclass(frozen=True, slots=True)
class Where:
    sql: str = "1"
    args: tuple[Any, ...] = ()

    def also(self, sql: str, *args: Any) -> "Where":
        return Where(f"{self.sql} AND {sql}", (*self.args, *args))


EVERY_ROW = Where()

_LEDGER_FIELDS = frozenset({"ledger_id", "name", "created_at", "meta_data"})
_BALANCE_FIELDS = frozenset(
    {"balance_id", "ledger_id", "identity_id", "indicator", "currency", *MONEY, "created_at", "meta_data"}
)
_IDENTITY_FIELDS = frozenset({"identity_id", *IDENTITY_TEXTS, "dob", "created_at", "meta_data"})

LEDGERS = Table("ledgers", _LEDGER_FIELDS, _LEDGER_FIELDS)
BALANCES = Table("balances", _BALANCE_FIELDS, _BALANCE_FIELDS)
IDENTITIES = Table("identity", _IDENTITY_FIELDS, frozenset())
"""Core looks up their sort fields under a name that does not exist, and so sorts only by created_at."""


def where(filters: Iterable[Any], table: Table) -> Where:
    """All filters combined with AND. Raises InvalidFilter or BadValue."""
    found = EVERY_ROW
    for each in filters:
        condition = _condition(each if isinstance(each, Mapping) else {}, table)
        if condition is not None:
            found = found.also(*condition)
    return found


def from_query(query: Mapping[str, str], table: Table) -> list[dict[str, Any]]:
    """Filters of the Data API, written `field_operator=value`. Other parameters are not filters."""
    found = []
    for name, value in query.items():
        field, _, operator = name.rpartition("_")
        if operator not in OPERATORS or (field not in table.fields and not field.startswith("meta_data.")):
            continue
        separator = {"in": ",", "between": "|"}.get(operator)
        held = {"values": value.split(separator)} if separator else {"value": value}
        found.append({"field": field, "operator": operator, **held})
    return found


def metadata_text(key: str) -> str:
    """SQL for Postgres' `meta_data->>'key'`. The index on import_ref uses exactly this expression."""
    path = f"'$.{key}'"
    return (
        f"CASE json_type(meta_data, {path}) WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' "
        f"ELSE CAST(json_extract(meta_data, {path}) AS TEXT) END"
    )


def microseconds(value: Any) -> int:
    """A time as microseconds since 1970, ignoring its time zone like Postgres' `timestamp`."""
    read = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if read is None:
        raise BadValue(f'invalid input syntax for type timestamp: "{value}"')
    day, clock, fraction = read.groups()
    try:
        seconds = int(datetime.fromisoformat(f"{day}T{clock or '00:00'}").replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise BadValue(f'date/time field value out of range: "{value}"') from None
    return seconds * 1_000_000 + round(float(fraction or 0) * 1_000_000)


def contains(held: str | None, wanted: str) -> bool:
    """Postgres' `jsonb @>`, for metadata compared with one key and value."""
    return held is not None and _contains(orjson.loads(held), orjson.loads(wanted))


def _contains(held: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        return isinstance(held, dict) and all(k in held and _contains(held[k], v) for k, v in wanted.items())
    if isinstance(wanted, list):
        return isinstance(held, list) and all(any(_contains(h, w) for h in held) for w in wanted)
    return bool(type(held) is type(wanted) and held == wanted) or _same_number(held, wanted)


def _same_number(held: Any, wanted: Any) -> bool:
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (held, wanted))
    return numbers and bool(held == wanted)


def _condition(request: Mapping[str, Any], table: Table) -> tuple[Any, ...] | None:
    field, operator = str(request.get("field", "")), str(request.get("operator", ""))
    value, values = request.get("value"), request.get("values") or []
    if operator not in OPERATORS:
        raise InvalidFilter(
            f"invalid operator '{operator}' for field '{field}': must be one of {', '.join(OPERATORS)}"
        )
    if has_nul(value) or has_nul(values):
        raise BadValue('invalid byte sequence for encoding "UTF8": 0x00')
    if field.startswith("meta_data."):
        key = field.removeprefix("meta_data.")
        if not _KEY.fullmatch(key):
            raise InvalidFilter(
                f"invalid JSON key '{key}' in field '{field}': must match pattern ^[a-zA-Z][a-zA-Z0-9_]*$"
            )
        return _on_metadata(key, operator, value, values)
    if field not in table.fields:
        raise InvalidFilter(f"invalid field '{field}' for table '{table.name}'")
    if field in MONEY:
        return _compare("0", operator, value, values, _number)
    return _compare(field, operator, value, values, microseconds if field == "created_at" else _text)


def _on_metadata(key: str, operator: str, value: Any, values: Sequence[Any]) -> tuple[Any, ...] | None:
    text = metadata_text(key)
    match operator:
        case "eq" if isinstance(value, str):
            return f"({text}) = ? AND json_type(meta_data, '$.{key}') = 'text'", value
        case "eq":
            return "pg_contains(meta_data, ?)", orjson.dumps({key: value}).decode()
        case "gt" | "gte" | "lt" | "lte" | "between":
            return _compare(f"pg_numeric({text})", operator, value, values, _number)
        case _:
            return _compare(f"({text})", operator, value, values, _text)


def _compare(
    column: str, operator: str, value: Any, values: Sequence[Any], read: Any
) -> tuple[Any, ...] | None:
    match operator:
        case "in":
            return (f"{column} IN ({', '.join('?' * len(values))})", *map(read, values)) if values else None
        case "between":
            return (f"{column} BETWEEN ? AND ?", *map(read, values)) if len(values) == 2 else None
        case "isnull":
            return (f"{column} IS NULL",)
        case "isnotnull":
            return (f"{column} IS NOT NULL",)
        case "like":
            return f"{column} LIKE ? ESCAPE '\\'", _text(value)
        case "ilike":
            return f"pg_lower({column}) LIKE pg_lower(?) ESCAPE '\\'", _text(value)
        case _:
            return f"{column} {COMPARED[operator]} ?", None if value is None else read(value)


def _text(value: Any) -> str | None:
    """How Go's driver writes a value that is compared with a text column."""
    match value:
        case bool():
            return str(value).lower()
        case str() | None:
            return value
        case float() if value.is_integer():
            return str(int(value))
        case int() | float():
            return str(value)
        case _:
            raise BadValue("unsupported type")


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise BadValue(f'invalid input syntax for type numeric: "{value}"') from None
