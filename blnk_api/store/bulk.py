"""One statement over many rows, at a third of SQLAlchemy's cost: it is compiled once and the driver gets
plain values. For the sender's writes and for rows by the thousand; nowhere else."""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import CTE, Column, ColumnElement, Connection, Dialect, Executable, bindparam, values
from sqlalchemy.sql.compiler import SQLCompiler

_ROWS_PER_STATEMENT = (512, 256, 128, 64, 32, 16, 8, 4, 2, 1)
"""Few sizes, so that drivers meet a statement again that they have prepared before: reading one of a new size
costs as much as running it. Each is half of the one before, so that any number of rows takes few of them."""


def given(name: str, **columns: ColumnElement[object]) -> CTE:
    """A table of what `run_at_once` is given, for a statement that takes its values from it: each column of
    the type of a column of the database."""
    return (
        values(*(Column(key, like.type) for key, like in columns.items()), name=name)
        .data([tuple(bindparam(key, type_=like.type) for key, like in columns.items())])
        .cte(name)
    )


def run_at_once(tx: Connection, statement: Executable, values: Sequence[Sequence[object]]) -> list[Any]:
    """Many rows in one statement, and what it returned, in no order. SQLite then holds no other thread up
    while it works; row by row it asks for the interpreter again after each.

    `statement` must be a module's constant: an INSERT, or one that takes its values from `given`; each of
    `values` has that table's order. Constants beside the VALUES are written out, not bound.
    """
    returned: list[Any] = []  # rows of whatever columns the statement returns
    before, row, after = _parts(statement, tx.dialect)
    rest = list(values)
    for size in _ROWS_PER_STATEMENT:
        sql = f"{before}{', '.join([row] * size)}{after}"
        while len(rest) >= size:
            some, rest = rest[:size], rest[size:]
            done = tx.exec_driver_sql(sql, tuple(chain.from_iterable(some)))
            if done.returns_rows:
                returned += done.fetchall()
    return returned


_NAMED = re.compile(r"%\(\w+\)s")
_ROW = re.compile(r"(?<=VALUES )(\([^()]*\))")


@lru_cache
def _parts(statement: Any, dialect: Dialect) -> tuple[str, str, str]:
    """A statement for this driver: what stands before a row of its VALUES, the row, and what comes after."""
    compiled = statement.compile(dialect=dialect)
    assert isinstance(compiled, SQLCompiler)
    before, row, after = _ROW.split(_NAMED.sub("%s", compiled.string), maxsplit=1)
    assert row.count("?") + row.count("%s") == len(compiled.params), "a constant is bound"
    return before, row, after
