"""The tables of a new SQLite store, as all migrations together make them: a tenth of their time, and Alembic,
which takes as long to load, is not needed."""

import sqlite3
from pathlib import Path

from sqlalchemy import Connection

FILE = Path(__file__).with_name("new_sqlite.sql")
_BETWEEN = "\n\n"


def make(tx: Connection) -> bool:
    """Makes the tables in a database without any. Returns False, and does nothing, if there are some."""
    if tx.exec_driver_sql("SELECT 1 FROM sqlite_master").first() is not None:
        return False
    for statement in FILE.read_text("utf-8").split(_BETWEEN):
        tx.exec_driver_sql(statement)
    return True


def dump(database: Path) -> str:
    """What `FILE` has to contain, from a new store that migrations have made."""
    connection = sqlite3.connect(database)
    try:
        statements = [one for one in connection.iterdump() if one not in ("BEGIN TRANSACTION;", "COMMIT;")]
    finally:
        connection.close()
    return _BETWEEN.join(statements) + "\n"
