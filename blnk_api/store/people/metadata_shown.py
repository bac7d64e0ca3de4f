"""Which metadata identifies the balances of an instance, as someone chose once for everyone."""

from collections.abc import Sequence

import orjson
from sqlalchemy import Connection, select, update

from blnk_api.access.actors import Actor
from blnk_api.access.acts import Act
from blnk_api.settings import Instance
from blnk_api.store.instance_numbers import known_number, number_for
from blnk_api.store.tables import instances

MOST = 20
_CHARACTERS = 200


def of_instance(tx: Connection, instance: Instance) -> tuple[str, ...] | None:
    """The keys in order, or None if nobody has chosen."""
    number = known_number(tx, instance)
    kept = tx.execute(select(instances.c.metadata_shown).where(instances.c.id == number)).scalar()
    return None if kept is None else tuple(orjson.loads(kept))


def choose(tx: Connection, instance: Instance, keys: Sequence[str], *, who: Actor) -> None:
    """Without any keys, all are shown again. Raises NotAllowed."""
    who.require(Act.CHOOSE_METADATA, instance)
    kept = [key[:_CHARACTERS] for key in keys[:MOST]]
    number = number_for(tx, instance)
    shown = orjson.dumps(kept).decode() if kept else None
    tx.execute(update(instances).where(instances.c.id == number).values(metadata_shown=shown))
