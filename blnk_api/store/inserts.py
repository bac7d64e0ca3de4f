"""INSERT statements that do something else where a row with the same key exists."""

from typing import TYPE_CHECKING

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import sqlite

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql


def insert_or(tx: Connection, table: Table) -> "sqlite.Insert | postgresql.Insert":
    """An INSERT for this database, with `on_conflict_do_nothing` and `on_conflict_do_update`."""
    if tx.dialect.name == "sqlite":
        return sqlite.insert(table)
    # Imported here: it takes a tenth of a command's start, and most desks are on SQLite.
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)
