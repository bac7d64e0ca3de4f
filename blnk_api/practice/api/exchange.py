"""Practice's requests and answers, independent of any connection."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

JSON = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One request. `path` has decoded segments; header names are in lower case."""

    method: str
    path: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


PAGE_NOT_FOUND = Reply(404, b"404 page not found", "text/plain")
"""Core's answer to any unknown path or method."""


def json_reply(status: int, value: Any, *headers: tuple[str, str]) -> Reply:
    return Reply(status, orjson.dumps(value), headers=headers)


def core_error(status: int, code: str, message: str, *, key: str = "error", details: Any = None) -> Reply:
    """Core's error body in both formats: the old field `error` or `errors`, and `error_detail` of 0.15 and
    later."""
    detail = {"code": code, "message": message}
    if details is not None:
        detail["details"] = details
    return json_reply(status, {key: message, "error_detail": detail})


def database_error(status: int, code: str, message: str, pg: dict[str, str]) -> Reply:
    """An error from Postgres: Core returns all fields of the driver's error."""
    details = dict.fromkeys(_PG_FIELDS, "") | {"Severity": "ERROR"} | pg
    return core_error(status, code, message, details=details)


_PG_FIELDS = (
    "Severity",
    "Code",
    "Message",
    "Detail",
    "Hint",
    "Position",
    "InternalPosition",
    "InternalQuery",
    "Where",
    "Schema",
    "Table",
    "Column",
    "DataTypeName",
    "Constraint",
    "File",
    "Line",
    "Routine",
)
