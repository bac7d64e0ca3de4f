"""How an actor is stored in a table: four columns with the same prefix.

An actor read from them has no permissions: see `Actor`. A person's name and email address are stored as they
were at the time; their identity never changes.
"""

from typing import Any

import orjson
from sqlalchemy import Column, ColumnElement, Table, Text

from blnk_api.access.actors import Actor, ActorKind


def columns(prefix: str = "who", *, optional: bool = False) -> list[Column[str]]:
    """For a table. `optional`: if nobody may have done it yet."""
    return [
        Column(prefix, Text, nullable=optional),
        # Entries from before this column belong to someone who entered a name.
        Column(f"{prefix}_kind", Text, nullable=False, server_default=ActorKind.NAME),
        Column(f"{prefix}_email", Text),
        Column(f"{prefix}_identity", Text),  # a person's issuer and subject, as JSON
    ]


def selected(table: Table, prefix: str = "who") -> list[ColumnElement[str | None]]:
    """For a query."""
    return [table.c[prefix + suffix] for suffix in ("", "_kind", "_email", "_identity")]


def stored(who: Actor, prefix: str = "who") -> dict[str, str | None]:
    """For an insert or an update."""
    is_person = who.kind is ActorKind.PERSON
    return {
        prefix: who.name,
        f"{prefix}_kind": who.kind,
        f"{prefix}_email": who.email or None,
        f"{prefix}_identity": orjson.dumps([who.issuer, who.subject]).decode() if is_person else None,
    }


# Any: a row of any query with these columns.
def read(row: Any, prefix: str = "who") -> Actor:
    found = read_if_any(row, prefix)
    assert found is not None
    return found


def read_if_any(row: Any, prefix: str) -> Actor | None:
    """None if nobody has done it yet."""
    name, kind, email, identity = (
        getattr(row, prefix + suffix) for suffix in ("", "_kind", "_email", "_identity")
    )
    if name is None:
        return None
    issuer, subject = orjson.loads(identity) if identity else ("", "")
    return Actor(ActorKind(kind), name, email or "", issuer, subject)
