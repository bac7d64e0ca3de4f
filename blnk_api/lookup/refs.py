"""Content addresses: what a balance is, said in a few letters, so that the same row is never made twice.

A ref is stamped on every balance we make (`meta_data.import_ref`) and looked for before and after sending.
Refs of years ago must still be found, so a version never changes once shipped: tests/pure/test_refs.py holds
vectors of each. To hash differently, add a v2 beside v1 and let `all_versions` give both.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from blnk_api.models import IMPORT_ID, IMPORT_REF

HASH_LENGTH = 26
"""Base32 letters kept of the SHA-256: 130 bits. Two of a billion balances share them with chance 1e-21."""

_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
_LETTERS = [first + second for first in _BASE32 for second in _BASE32]
"""Two letters at a time: base64.b32encode is Python and takes a quarter of the time of a whole check."""

_REF = re.compile(r"v1-([a-z2-7]{26})-(0|[1-9][0-9]{0,8})(?:-([A-Za-z0-9_-]{1,64}))?")


class Ref(NamedTuple):
    """A ref taken apart. `occurrence` counts from 0 the rows of one import that mean the same balance."""

    hash: str
    occurrence: int
    salt: str | None


Fields = Mapping[str, Any]
"""The body of a `POST /balances` as JSON, made here or taken from a balance that Blnk holds."""


def content_hash(request_fields: Fields, match: Mapping[str, object] | None = None) -> str:
    """The v1 hash of what is sent: 26 letters.

    `request_fields` is the body of `POST /balances`; absent, None and "" mean the same. Ledger, currency,
    identity and indicator always count. `match` (metadata name → value) counts beside them; when it is None,
    the whole request does: metadata without our stamps, lineage and strategy.
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
    """JSON in UTF-8, keys sorted, no spaces. json writes what orjson cannot: whole numbers over 64 bits."""
    try:
        return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def make_ref(hash_: str, occurrence: int, salt: str | None = None) -> str:
    """The text stamped on a balance. A salt (the import's id) tells "again, although it exists" apart."""
    return f"v1-{hash_}-{occurrence}-{salt}" if salt else f"v1-{hash_}-{occurrence}"


def parse_ref(text: str) -> Ref | None:
    """The parts of a ref of any version ever shipped; None when the text is no ref of ours."""
    found = _REF.fullmatch(text)
    return Ref(found[1], int(found[2]), found[3]) if found else None


def fits(ref: Ref, request_fields: Fields, match: Mapping[str, object] | None = None) -> bool:
    """Whether a row still means the balance that the ref names, under these match columns or under none."""
    if ref.hash == content_hash(request_fields, match):
        return True
    return match is not None and ref.hash == content_hash(request_fields, None)


def all_versions(request_fields: Fields, match: Mapping[str, object] | None, occurrence: int) -> list[str]:
    """Every ref under which this balance may have been made, by this or an older release."""
    return [make_ref(content_hash(request_fields, match), occurrence)]
