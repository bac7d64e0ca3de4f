"""How an actor stands in a table: four columns whose names begin alike.

Who is read from them may do nothing: see `Actor`. Of a person name and e-mail stand there as they were when
it was done; their identity never changes.
"""

from typing import Any

import orjson
from sqlalchemy import Column, ColumnElement, Table, Text

from blnk_api.access.actors import Actor, ActorKind


def columns(prefix: str = "who", *, optional: bool = False) -> list[Column[str]]:
    """For a table. `optional`: while nobody has done it yet."""
    return [
        Column(prefix, Text, nullable=optional),
        # An entry of before this column is someone's who gave a name.
        Column(f"{prefix}_kind", Text, nullable=False, server_default=ActorKind.NAME),
        Column(f"{prefix}_email", Text),
        Column(f"{prefix}_identity", Text),  # of a person: issuer and subject, as JSON
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


# Any: a row of any query that has the columns.
def read(row: Any, prefix: str = "who") -> Actor:
    found = read_if_any(row, prefix)
    assert found is not None
    return found


def read_if_any(row: Any, prefix: str) -> Actor | None:
    """None where nobody has done it yet."""
    name, kind, email, identity = (
        getattr(row, prefix + suffix) for suffix in ("", "_kind", "_email", "_identity")
    )
    if name is None:
        return None
    issuer, subject = orjson.loads(identity) if identity else ("", "")
    return Actor(ActorKind(kind), name, email or "", issuer, subject)
