"""Mappings that people saved under a name, offered again for files with the same headers."""

import time
from dataclasses import dataclass

from sqlalchemy import Connection, select

from blnk_api.access.actors import Actor
from blnk_api.access.acts import Act
from blnk_api.connections import Instance
from blnk_api.facts.mapping import Mapping
from blnk_api.store.inserts import insert_or
from blnk_api.store.people import stored_actor
from blnk_api.store.tables import mappings

MOST_NAME_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Saved:
    name: str
    mapping: Mapping
    who: Actor
    at: float


def save(
    tx: Connection, *, fingerprint: str, name: str, mapping: Mapping, who: Actor, instance: Instance
) -> None:
    """Saves a mapping, replacing one with the same name for the same headers. Raises ValueError.

    `instance`: the instance of the draft whose columns are saved.
    """
    who.require(Act.CHANGE_DRAFT, instance)
    name = " ".join(name.split())
    if not name or len(name) > MOST_NAME_CHARACTERS:
        raise ValueError(f"Enter a name of at most {MOST_NAME_CHARACTERS} characters.")
    facts = {"mapping": mapping.stored(), "at": time.time(), **stored_actor.stored(who)}
    tx.execute(
        insert_or(tx, mappings)
        .values(fingerprint=fingerprint, name=name, **facts)
        .on_conflict_do_update(index_elements=["fingerprint", "name"], set_=facts)
    )


def saved_for(tx: Connection, fingerprint: str) -> list[Saved]:
    """The mappings for files with the same headers, newest first."""
    columns = (mappings.c.name, mappings.c.mapping, mappings.c.at, *stored_actor.selected(mappings))
    query = select(*columns).where(mappings.c.fingerprint == fingerprint).order_by(mappings.c.at.desc())
    return [
        Saved(one.name, Mapping.model_validate_json(one.mapping), stored_actor.read(one), one.at)
        for one in tx.execute(query)
    ]
