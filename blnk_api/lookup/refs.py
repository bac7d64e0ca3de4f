"""Import refs: a short hash of what a balance is, so that the same row is never created twice.

Every balance we create carries a ref (`meta_data.import_ref`), which is looked up before and after sending.
Refs must still be found after years, so a version never changes once it is released: tests/pure/test_refs.py
has test vectors for each. To hash differently, add a v2 beside v1 and let `all_versions` return both.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from blnk_api.models import IMPORT_ID, IMPORT_REF

HASH_LENGTH = 26
"""How many base32 letters of the SHA-256 are kept: 130 bits. Among a billion balances, two share them with a
probability of 1e-21."""

_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
_LETTERS = [first + second for first in _BASE32 for second in _BASE32]
"""Two letters at a time: base64.b32encode is written in Python and would take a quarter of the time of a
whole check."""

_REF = re.compile(r"v1-([a-z2-7]{26})-(0|[1-9][0-9]{0,8})(?:-([A-Za-z0-9_-]{1,64}))?")


class Ref(NamedTuple):
    """A parsed ref. `occurrence` counts, from 0, the rows of one import that are the same balance."""

    hash: str
    occurrence: int
    salt: str | None


Fields = Mapping[str, Any]
"""The body of a `POST /balances` as JSON, created here or taken from an existing balance."""


def content_hash(request_fields: Fields, match: Mapping[str, object] | None = None) -> str:
    """The v1 hash of a request: 26 letters.

    `request_fields` is the body of `POST /balances`; absent, None and "" are equal. Ledger, currency,
    identity and indicator always count. `match` (metadata name → value) counts too. If it is None, the whole
    request counts: metadata without our own keys, lineage and strategy.
    """
    content: dict[str, object] = {
        "ledger_id": request_fields["ledger_id"],
        "currency": request_fields["currency"],
        "identity_id": request_fields.get("identity_id") or "",
        "indicator": request_fields.get("indicator") or "",
    }
    if match is not None:
        content["match"] = dict(match)
    else:
        meta_data = request_fields.get("meta_data")
        if meta_data and (IMPORT_REF in meta_data or IMPORT_ID in meta_data):
            meta_data = {k: v for k, v in meta_data.items() if k not in (IMPORT_REF, IMPORT_ID)}
        if meta_data:
            content["meta_data"] = meta_data
        if request_fields.get("track_fund_lineage"):
            content["track_fund_lineage"] = True
        if strategy := request_fields.get("allocation_strategy"):
            content["allocation_strategy"] = strategy
    bits = int.from_bytes(hashlib.sha256(_canonical(content)).digest()[:17], "big") >> 6
    pairs = _LETTERS
    return (
        f"{pairs[bits >> 120]}{pairs[bits >> 110 & 1023]}{pairs[bits >> 100 & 1023]}"
        f"{pairs[bits >> 90 & 1023]}{pairs[bits >> 80 & 1023]}{pairs[bits >> 70 & 1023]}"
        f"{pairs[bits >> 60 & 1023]}{pairs[bits >> 50 & 1023]}{pairs[bits >> 40 & 1023]}"
        f"{pairs[bits >> 30 & 1023]}{pairs[bits >> 20 & 1023]}{pairs[bits >> 10 & 1023]}{pairs[bits & 1023]}"
    )


def _canonical(content: dict[str, object]) -> bytes:
    """JSON in UTF-8 with sorted keys and no spaces. json handles what orjson cannot: integers over 64
    bits."""
    try:
        return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def make_ref(hash_: str, occurrence: int, salt: str | None = None) -> str:
    """The ref to store with a balance. A salt (the import's id) marks a deliberate second balance."""
    return f"v1-{hash_}-{occurrence}-{salt}" if salt else f"v1-{hash_}-{occurrence}"


def parse_ref(text: str) -> Ref | None:
    """Parses a ref of any released version. None if the text is not a ref."""
    found = _REF.fullmatch(text)
    return Ref(found[1], int(found[2]), found[3]) if found else None


def fits(ref: Ref, request_fields: Fields, match: Mapping[str, object] | None = None) -> bool:
    """Whether a row is still the balance that the ref names, with these key columns or without any."""
    if ref.hash == content_hash(request_fields, match):
        return True
    return match is not None and ref.hash == content_hash(request_fields, None)


def all_versions(request_fields: Fields, match: Mapping[str, object] | None, occurrence: int) -> list[str]:
    """Every ref under which this or an older release may have created this balance."""
    return [make_ref(content_hash(request_fields, match), occurrence)]
