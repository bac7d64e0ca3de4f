"""One statement for many rows, at a third of SQLAlchemy's cost: it is compiled once, and the driver gets
plain values. Only for the sender's writes and for thousands of rows."""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import (
    CTE,
    Column,
    ColumnElement,
    Connection,
    CursorResult,
    Dialect,
    Executable,
    bindparam,
    values,
)
from sqlalchemy.sql.compiler import SQLCompiler

_ROWS_PER_STATEMENT = (512, 256, 128, 64, 32, 16, 8, 4, 2, 1)
"""Only a few sizes, because preparing a statement of a new size costs a driver as much as running it. Each is
half of the one before, so that any number of rows takes few statements."""


def given(name: str, **columns: ColumnElement[object]) -> CTE:
    """A table of the values passed to `run_at_once`, for a statement that selects from it. Each column has
    the type of a column of the database."""
    return (
        values(*(Column(key, like.type) for key, like in columns.items()), name=name)
        .data([tuple(bindparam(key, type_=like.type) for key, like in columns.items())])
        .cte(name)
    )


def run_at_once(tx: Connection, statement: Executable, values: Sequence[Sequence[object]]) -> list[Any]:
    """Runs one statement for many rows and returns its result in no particular order. SQLite then blocks no
    other thread while it works; row by row it would ask for the interpreter after each.

    `statement` must be a module constant: an INSERT, or one that selects from `given`. Each of `values` has
    that table's columns in order. Constants besides the VALUES are written out, not bound.
    """
    returned: list[Any] = []  # rows with the statement's columns
    before, row, after = _parts(statement, tx.dialect)
    rest = list(values)
    for size in _ROWS_PER_STATEMENT:
        sql = f"{before}{', '.join([row] * size)}{after}"
        while len(rest) >= size:
            some, rest = rest[:size], rest[size:]
            if size == _ROWS_PER_STATEMENT[0]:
                done = _run_without_nulls(tx, (before, row, after), some)
            else:
                done = tx.exec_driver_sql(sql, tuple(chain.from_iterable(some)))
            if done.returns_rows:
                returned += done.fetchall()
    return returned


def _run_without_nulls(
    tx: Connection, parts: tuple[str, str, str], some: Sequence[Sequence[object]]
) -> CursorResult[Any]:
    """Writes NULL into the statement for columns without any value: it costs SQLite's driver more to be
    given None than to be given a text."""
    before, row, after = parts
    columns = list(zip(*some, strict=True))
    is_null = tuple(column[0] is None and column.count(None) == len(some) for column in columns)
    row = _with_nulls(row, is_null)
    given = zip(*(column for column, empty in zip(columns, is_null, strict=True) if not empty), strict=True)
    sql = f"{before}{', '.join([row] * len(some))}{after}"
    return tx.exec_driver_sql(sql, tuple(chain.from_iterable(given)))


_PLACE = re.compile(r"\?|%s")


@lru_cache
def _with_nulls(row: str, is_null: tuple[bool, ...]) -> str:
    nulls = iter(is_null)
    return _PLACE.sub(lambda place: "NULL" if next(nulls) else place[0], row)


_NAMED = re.compile(r"%\(\w+\)s")
_ROW = re.compile(r"(?<=VALUES )(\([^()]*\))")


@lru_cache
def _parts(statement: Any, dialect: Dialect) -> tuple[str, str, str]:
    """Compiles a statement for this driver: the text before a row of its VALUES, the row, and the text
    after."""
    compiled = statement.compile(dialect=dialect)
    assert isinstance(compiled, SQLCompiler)
    before, row, after = _ROW.split(_NAMED.sub("%s", compiled.string), maxsplit=1)
    assert row.count("?") + row.count("%s") == len(compiled.params), "a constant is bound"
    return before, row, after
