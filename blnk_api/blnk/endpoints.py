"""Builds requests to Blnk; no other module does. Pure. The sender adds the credentials."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson

from blnk_api.blnk.replies import MOST_CREATED_BYTES, Request
from blnk_api.models import IMPORT_ID, IMPORT_REF, BalanceRequest

PAGE_LIMIT = 100
"""Core returns 20 rows for any larger page size (tests/contract, "filter with limit over 100")."""

REFS_PER_LOOK = 99
"""One less than a page, so that a full page proves that a ref is there twice."""


def create_balance(request: BalanceRequest, *, ref: str | None = None, import_id: str | None = None) -> bytes:
    """The body of POST /balances, with our two metadata keys if given."""
    body: dict[str, object] = request.model_dump(exclude_none=True, exclude_defaults=True)
    stamps = {key: value for key, value in ((IMPORT_REF, ref), (IMPORT_ID, import_id)) if value is not None}
    if stamps or request.meta_data:
        body["meta_data"] = {**request.meta_data, **stamps}
    return orjson.dumps(body)


def post_balance(instance_id: str, body: bytes) -> Request:
    query = (("instance_id", instance_id),)
    return Request("POST", "/proxy/balances", query, body, most_answer_bytes=MOST_CREATED_BYTES)


def get_balance(instance_id: str, balance_id: str) -> Request:
    """One balance. Its id may have been typed by a person, so it is escaped to stay one path segment."""
    return Request("GET", f"/data/balances/{quote(balance_id, safe='')}", (("instance_id", instance_id),))


def list_page(instance_id: str, what: str, *, page: int, page_size: int = PAGE_LIMIT) -> Request:
    """A page of GET /data/{ledgers|balances|identities}. Pages count from 1."""
    query = (("instance_id", instance_id), ("page", str(page)), ("pageSize", str(page_size)))
    return Request("GET", f"/data/{what}", query)


FILTER_PATHS = {
    "balances": "/balances/filter",
    "ledgers": "/ledger/filter",
    "identities": "/identities/filter",
}
"""Only Blnk Cloud uses the singular `/ledger/filter`."""


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition of a filter. `values` is for `in` and `between`, `value` for all others."""

    field: str
    operator: str
    value: Any = None
    values: Sequence[object] = ()

    def as_json(self) -> dict[str, object]:
        condition: dict[str, object] = {"field": self.field, "operator": self.operator}
        if self.operator in ("in", "between"):
            condition["values"] = list(self.values)
        elif self.operator not in ("isnull", "isnotnull"):
            condition["value"] = self.value
        return condition


def search(
    instance_id: str,
    what: str,
    filters: Iterable[Filter],
    *,
    page: int = 1,
    page_size: int = PAGE_LIMIT,
    sort_by: str | None = None,
    sort_order: str = "desc",
) -> Request:
    """A filter over balances, ledgers or identities. Without `sort_by` Blnk returns the newest first."""
    body: dict[str, object] = {"filters": [one.as_json() for one in filters]}
    if sort_by is not None:
        body |= {"sort_by": sort_by, "sort_order": sort_order}
    query = (("instance_id", instance_id), ("page", str(page)), ("pageSize", str(page_size)))
    return Request("POST", FILTER_PATHS[what], query, orjson.dumps(body))


def find_refs(
    instance_id: str, refs: Sequence[str], *, created_from: str | None = None, page: int = 1
) -> Request:
    """Finds the balances for at most 99 refs. `created_from` is in UTC with Z: Core ignores the time zone."""
    if not 0 < len(refs) <= REFS_PER_LOOK:
        raise ValueError(f"a look asks for 1 to {REFS_PER_LOOK} refs, not {len(refs)}")
    filters = [Filter(f"meta_data.{IMPORT_REF}", "in", values=refs)]
    if created_from is not None:
        filters.append(Filter("created_at", "gte", created_from))
    return search(instance_id, "balances", filters, page=page)
