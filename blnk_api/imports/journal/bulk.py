"""Runs one statement over many rows at a third of SQLAlchemy's cost: the statement is compiled once and
the driver gets plain values. For the sender's writes and for a million rows of a file; nowhere else."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Dialect, Executable
from sqlalchemy.sql.compiler import SQLCompiler


def run_many(tx: Connection, statement: Executable, values: Sequence[dict[str, Any]]) -> None:
    """`statement` must be a module's constant, with a named bindparam for each key of `values`, which are
    used up: the statement's own constants are written into them."""
    if not values:
        return
    compiled, constants = _compile(statement, tx.dialect)
    for one in values:
        one.update(constants)
    if compiled.positiontup:
        pick = itemgetter(*compiled.positiontup)
        tx.exec_driver_sql(compiled.string, [pick(one) for one in values])
    else:
        tx.exec_driver_sql(compiled.string, values)


_ROWS_PER_STATEMENT = 500


def insert_many(tx: Connection, statement: Executable, values: Sequence[dict[str, Any]]) -> None:
    """As `run_many`, for an INSERT. SQLite gets many rows in one statement and holds no other thread up
    while it takes them; row by row it would ask for the interpreter again after each."""
    compiled, constants = _compile(statement, tx.dialect)
    if not compiled.positiontup:
        run_many(tx, statement, values)
        return
    pick = itemgetter(*compiled.positiontup)
    for one in values:
        one.update(constants)
    head, word, row = compiled.string.rpartition("VALUES ")
    for start in range(0, len(values), _ROWS_PER_STATEMENT):
        part = values[start : start + _ROWS_PER_STATEMENT]
        given = chain.from_iterable(map(pick, part))
        tx.exec_driver_sql(f"{head}{word}{', '.join([row] * len(part))}", tuple(given))


@lru_cache
def _compile(statement: Any, dialect: Dialect) -> tuple[SQLCompiler, dict[str, Any]]:
    """The statement for this driver, and the values that stand in it for every row."""
    compiled = statement.compile(dialect=dialect)
    assert isinstance(compiled, SQLCompiler)
    return compiled, {name: value for name, value in compiled.params.items() if value is not None}
