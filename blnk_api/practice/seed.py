"""The initial contents of Practice: ledgers and identities, all invented."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from blnk_api.practice.api.creating import GENERAL_LEDGER_ID
from blnk_api.practice.api.filters import IDENTITIES, IDENTITY_TEXTS, LEDGERS
from blnk_api.practice.api.json_rows import NO_TIME
from blnk_api.practice.contents import Store

_ORGANISATION = re.compile(r"\b(Ltd|Limited|Inc|LLC|GmbH|PLC|Co-operative|Foundation|Bakery|Clinic)\b", re.I)


_FORM = 'A seed file contains {"ledgers": {id: name}, "identities": {id: name}}'


@dataclass(frozen=True, slots=True)
class Seed:
    """Ids and names, in the order of their creation."""

    ledgers: dict[str, str]
    identities: dict[str, str]

    def as_json(self) -> str:
        return orjson.dumps({"ledgers": self.ledgers, "identities": self.identities}).decode()


def read_seed(text: bytes | str) -> Seed:
    """Parses a file such as tests/samples/environment.json. Raises ValueError if its format is wrong."""
    found: Any = orjson.loads(text)
    if not isinstance(found, dict):
        raise ValueError(_FORM)
    return Seed(_names(found.get("ledgers", {})), _names(found.get("identities", {})))


def _names(part: Any) -> dict[str, str]:
    if not isinstance(part, dict) or not all(isinstance(name, str) for name in part.values()):
        raise ValueError(_FORM)
    return part


def read_seed_file(path: Path) -> Seed:
    """Raises OSError or ValueError."""
    return read_seed(path.read_bytes())


def sow(store: Store, seed: Seed) -> None:
    """Creates what is missing. Existing rows stay as they are."""
    for ledger_id, name in {GENERAL_LEDGER_ID: "General Ledger", **seed.ledgers}.items():
        row = {"ledger_id": ledger_id, "name": name, "created_at": store.now_ns() // 1000, "meta_data": "{}"}
        store.insert(LEDGERS, row, only_new=True)
    for identity_id, name in seed.identities.items():
        row = {**_identity(identity_id, name), "created_at": store.now_ns() // 1000, "meta_data": None}
        store.insert(IDENTITIES, row, only_new=True)


def _identity(identity_id: str, name: str) -> dict[str, str]:
    handle = re.sub(r"[^a-z0-9]+", ".", name.lower()).strip(".")
    known = {"identity_id": identity_id, "dob": NO_TIME, "email_address": f"{handle}@example.com"}
    if _ORGANISATION.search(name):
        known |= {"identity_type": "organization", "organization_name": name, "category": "merchant"}
    else:
        first, _, last = name.partition(" ")
        known |= {
            "identity_type": "individual",
            "first_name": first,
            "last_name": last,
            "category": "customer",
        }
    return {**dict.fromkeys(IDENTITY_TEXTS, ""), **known}


def _numbered(prefix: str, names: list[str]) -> dict[str, str]:
    return {f"{prefix}_{at:08}-0000-4000-8000-{at:012}": name for at, name in enumerate(names, 1)}


DEFAULT = Seed(
    ledgers=_numbered("ldg", ["Customer wallets", "Merchant settlement", "Savings"]),
    identities=_numbered(
        "idt",
        [
            "Ada Okafor",
            "Acme Ltd",
            "Bruno Keller",
            "Bluebird Bakery",
            "Chiamaka Eze",
            "Cedar Street Clinic",
            "Dmitri Volkov",
            "Delta Freight GmbH",
            "Elena Rossi",
            "Evergreen Foundation",
            "Farid Haddad",
            "Grace Mwangi",
            "Harbour Fish Co-operative",
            "Ingrid Solberg",
            "Jonas Lindqvist",
            "Kite & Sons Limited",
            "Lucía Fernández",
            "Mei Tanaka",
            "Northwind Logistics Inc",
            "Zoë van Dijk",
        ],
    ),
)
