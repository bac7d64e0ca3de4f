"""Parses JSON bodies as Core's Go code does, with Go's error messages and Go's numbers.

Lone surrogates and bytes that are not UTF-8 become U+FFFD. Numbers in metadata go through a 64-bit float.
Anything after the first value is ignored.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson


class Malformed(ValueError):
    """Core cannot decode the body. The text is Core's message."""


@dataclass(frozen=True, slots=True)
class TooLarge:
    """A number that no 64-bit float can hold."""

    digits: str


def read_object(body: bytes, struct: str) -> dict[str, Any]:
    """The body as an object with lower-case names, because Go matches names in any case. `null` is an empty
    object."""
    value = _decode(body)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Malformed(f"json: cannot unmarshal {kind(value)} into Go value of type {struct}")
    return {name.lower(): held for name, held in value.items()}


MAP = "map[string]interface {}"
_HOLDS: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "bool": bool,
    "float64": (int, float, TooLarge),
    MAP: dict,
}


def text(fields: dict[str, Any], struct: str, name: str) -> str:
    """A string field. Absent and null are the empty string, Go's zero value."""
    return _typed(fields, struct, name, str, "string") or ""


def flag(fields: dict[str, Any], struct: str, name: str) -> bool:
    return bool(_typed(fields, struct, name, bool, "bool"))


def check(fields: Mapping[str, Any], struct: str, types: Mapping[str, str]) -> None:
    """Raises for the first field, in body order, whose value Go cannot store in the type with this name. null
    fits every type; other fields are ignored."""
    for name, value in fields.items():
        go_type = types.get(name)
        if go_type is None or value is None:
            continue
        if not isinstance(value, _HOLDS[go_type]) or (go_type == "float64" and isinstance(value, bool)):
            raise _mismatch(value, struct, name, go_type)
        if (lost := _too_large(value)) is not None:
            raise _mismatch(lost, struct, name, "float64")


def whole(fields: dict[str, Any], struct: str, name: str) -> int:
    value = fields.get(name)
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int):
        raise _mismatch(value, struct, name, "int")
    return value


def metadata(fields: dict[str, Any], struct: str, name: str = "meta_data") -> dict[str, Any] | None:
    check(fields, struct, {name: MAP})
    found = fields.get(name)
    return None if found is None else _as_go(found)


def items(fields: dict[str, Any], struct: str, name: str) -> list[Any]:
    return _typed(fields, struct, name, list, "[]filter.QueryFilter") or []


def kind(value: Any) -> str:
    """The name of a JSON value's type in Go's messages."""
    match value:
        case bool():
            return "bool"
        case str():
            return "string"
        case int() | float() | TooLarge():
            return "number"
        case list():
            return "array"
        case _:
            return "object"


def has_nul(value: Any) -> bool:
    """Whether any text in this value contains a NUL, which Postgres rejects."""
    match value:
        case str():
            return "\0" in value
        case dict():
            return any("\0" in key or has_nul(held) for key, held in value.items())
        case list():
            return any(has_nul(held) for held in value)
        case _:
            return False


def _typed(fields: dict[str, Any], struct: str, name: str, wanted: type, go_type: str) -> Any:
    value = fields.get(name)
    if value is None or isinstance(value, wanted):
        return value
    raise _mismatch(value, struct, name, go_type)


def _mismatch(value: Any, struct: str, name: str, go_type: str) -> Malformed:
    found_kind = (
        f"number {value.digits}" if isinstance(value, TooLarge) and go_type == "float64" else kind(value)
    )
    return Malformed(
        f"json: cannot unmarshal {found_kind} into Go struct field {struct}.{name} of type {go_type}"
    )


def _too_large(value: Any) -> TooLarge | None:
    """The first number in a value that no float can hold."""
    match value:
        case TooLarge():
            return value
        case dict():
            return next(filter(None, map(_too_large, value.values())), None)
        case list():
            return next(filter(None, map(_too_large, value)), None)
        case _:
            return None


def _float(digits: str) -> float | TooLarge:
    number = float(digits)
    return TooLarge(digits) if math.isinf(number) else number


def _int(digits: str) -> int | float | TooLarge:
    number = _float(digits)
    return int(digits) if isinstance(number, float) and abs(number) < 2**64 else number


def _decode(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return _decode_slowly(body.decode("utf-8", "replace"))


def _decode_slowly(body: str) -> Any:
    body = body.lstrip(" \t\r\n")
    if not body:
        raise Malformed("EOF")
    try:
        return _without_surrogates(_SLOWLY.raw_decode(body)[0])
    except json.JSONDecodeError as error:
        rest = body[error.pos :].strip()
        if not rest or error.msg.startswith("Unterminated"):
            raise Malformed("unexpected EOF") from None
        raise Malformed(f"invalid character '{rest[0]}' looking for beginning of value") from None


def _no_such_constant(name: str) -> Any:
    raise Malformed(f"invalid character '{name[0]}' looking for beginning of value")


_SLOWLY = json.JSONDecoder(parse_constant=_no_such_constant, parse_float=_float, parse_int=_int)


def _without_surrogates(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case dict():
            return {_without_surrogates(key): _without_surrogates(held) for key, held in value.items()}
        case list():
            return [_without_surrogates(held) for held in value]
        case _:
            return value


def _as_go(value: Any) -> Any:
    """Numbers as Go prints a float64 (250.0 is 250, digits beyond 17 are lost), with sorted names."""
    match value:
        case bool() | str() | None:
            return value
        case int() if -(2**53) <= value <= 2**53:
            return value
        case int() | float():
            return _go_number(float(value))
        case dict():
            return {key: _as_go(value[key]) for key in sorted(value)}
        case list():
            return [_as_go(held) for held in value]
        case _:
            return value


def _go_number(number: float) -> int | float:
    """Go prints an integral float without point or exponent, in the fewest digits that parse back to the same
    value."""
    if not number.is_integer() or not -(2**63) < number < 2**64:
        return number
    return int(Decimal(repr(number)))
