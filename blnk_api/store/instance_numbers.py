"""The numbers of instances in this store: assigned, found, and which of them have imports."""

from sqlalchemy import Connection, Select, select

from blnk_api.access.actors import Actor
from blnk_api.access.acts import Act
from blnk_api.settings import Instance
from blnk_api.store.inserts import insert_or
from blnk_api.store.tables import imports, instances


def number_for(tx: Connection, instance: Instance) -> int:
    """The number of an instance in this store, assigned on first use."""
    facts = {
        "base_url": instance.base_url,
        "instance_id": instance.instance_id,
        "environment": instance.environment,
    }
    tx.execute(insert_or(tx, instances).values(**facts).on_conflict_do_nothing())
    number: int = tx.execute(_number(instance)).scalar_one()
    return number


def known_number(tx: Connection, instance: Instance) -> int | None:
    """The number of an instance in this store, or None if it was never used."""
    return tx.execute(_number(instance)).scalar()


def _number(instance: Instance) -> Select[int]:
    return select(instances.c.id).where(
        instances.c.base_url == instance.base_url,
        instances.c.instance_id == instance.instance_id,
        instances.c.environment == instance.environment,
    )


def instance_numbered(tx: Connection, number: int) -> Instance:
    """The instance with this number in this store."""
    columns = (instances.c.base_url, instances.c.instance_id, instances.c.environment)
    return Instance(*tx.execute(select(*columns).where(instances.c.id == number)).one())


def instance_of(tx: Connection, number: int) -> Instance:
    """The instance of the import with this number."""
    query = select(imports.c.instance).where(imports.c.number == number)
    return instance_numbered(tx, tx.execute(query).scalar_one())


def with_imports(tx: Connection) -> dict[int, Instance]:
    """All instances with imports, by their number in this store."""
    used = select(imports.c.instance).distinct()
    found = tx.execute(select(instances).where(instances.c.id.in_(used)).order_by(instances.c.id))
    return {one.id: Instance(one.base_url, one.instance_id, one.environment) for one in found}


def seen_by(tx: Connection, who: Actor) -> dict[int, Instance]:
    """Like `with_imports`, limited to those whose imports this person may see."""
    return {number: one for number, one in with_imports(tx).items() if who.may(Act.VIEW, one)}
