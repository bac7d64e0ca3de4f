"""How long a real Core takes for a filter, depending on its number of balances.

Measured on Core 0.15.2 with Postgres 15, with 100,000 balances and with a million.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from blnk_api.practice.api.exchange import ApiRequest

_FEW, _MANY = 100_000, 1_000_000
_PAGE_SECONDS = 0.003
_CARRIES_SECONDS = 0.005
_BOUNDED_SECONDS = 0.008
_BY_OPERATOR = {"in": (0.008, 0.469), "eq": (0.046, 0.338), "like": (0.046, 0.338)}


def seconds(request: ApiRequest, balances: int) -> float:
    """The time for one request. 0 for everything but filters of balances."""
    if request.method != "POST" or request.path[-2:] != ("balances", "filter"):
        return 0.0
    try:
        filters = orjson.loads(request.body).get("filters") or []
    except (orjson.JSONDecodeError, AttributeError):
        return 0.0
    on_metadata = [one for one in filters if _field(one).startswith("meta_data.")]
    slow = [found for one in on_metadata if (found := _BY_OPERATOR.get(str(one.get("operator"))))]
    if slow and any(_field(one) == "created_at" for one in filters):
        return _BOUNDED_SECONDS
    if slow:
        return max(_between(*one, balances) for one in slow)
    return _CARRIES_SECONDS if on_metadata else _PAGE_SECONDS


def _field(one: Any) -> str:
    return str(one.get("field", "")) if isinstance(one, Mapping) else ""


def _between(few: float, many: float, balances: int) -> float:
    part = (balances - _FEW) / (_MANY - _FEW)
    return max(_PAGE_SECONDS, few + (many - few) * part)
