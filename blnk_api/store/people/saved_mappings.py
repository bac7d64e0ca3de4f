"""Mappings that people saved under a name, offered again for files with the same headers."""

import time
from dataclasses import dataclass

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from blnk_api.facts.mapping import Mapping
from blnk_api.store.tables import mappings

MOST_NAME_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Saved:
    name: str
    mapping: Mapping
    who: str
    at: float


def save(tx: Connection, *, fingerprint: str, name: str, mapping: Mapping, who: str) -> None:
    """Keeps a mapping; one of the same name for the same headers is replaced. Raises ValueError."""
    name = " ".join(name.split())
    if not name or len(name) > MOST_NAME_CHARACTERS:
        raise ValueError(f"Enter a name of at most {MOST_NAME_CHARACTERS} characters.")
    dialect = postgresql if tx.dialect.name == "postgresql" else sqlite
    facts = {"mapping": mapping.stored(), "who": who, "at": time.time()}
    tx.execute(
        dialect.insert(mappings)
        .values(fingerprint=fingerprint, name=name, **facts)
        .on_conflict_do_update(index_elements=["fingerprint", "name"], set_=facts)
    )


def saved_for(tx: Connection, fingerprint: str) -> list[Saved]:
    """Those of files with the same headers, newest first."""
    columns = (mappings.c.name, mappings.c.mapping, mappings.c.who, mappings.c.at)
    query = select(*columns).where(mappings.c.fingerprint == fingerprint).order_by(mappings.c.at.desc())
    return [
        Saved(one.name, Mapping.model_validate_json(one.mapping), one.who, one.at)
        for one in tx.execute(query)
    ]
