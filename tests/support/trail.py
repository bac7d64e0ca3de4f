"""The trail as someone with the database's own tools could change it."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text

from blnk_api.store import Store
from blnk_api.store.trail.verify import Break, verify

PROTECTED = ("events", "desk_events", "trail", "repairs")


@contextmanager
def behind_the_triggers(tx: Connection) -> Iterator[None]:
    """Removes the triggers for this context, and puts them back."""
    if tx.dialect.name == "postgresql":
        for table in PROTECTED:
            tx.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        yield
        for table in PROTECTED:
            tx.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))
        return
    found = tx.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
    for name, _ in found:
        tx.execute(text(f"DROP TRIGGER {name}"))
    yield
    for _, sql in found:
        tx.exec_driver_sql(sql)


def change(store: Store, *statements: str) -> None:
    """Changes the database while the triggers are removed."""
    with store.write() as tx, behind_the_triggers(tx):
        for one in statements:
            tx.exec_driver_sql(one)


def first_break(store: Store) -> Break | None:
    return next(iter(verify(store).breaks), None)
